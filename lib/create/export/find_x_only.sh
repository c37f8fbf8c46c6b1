# shellcheck shell=sh
# find_x_only.sh
# Prints "xpra" if that is there, else "-"; then, a line each, which of the parameters are programs that know X only, as the
# container's user: those that are linked with a toolkit that is for X alone, and with none that knows Wayland. Scripts, and
# programs that load their toolkit later, are not found out.
if command -v xpra >/dev/null; then echo xpra; else echo -; fi
for program; do
  path=$(command -v "$program") || continue
  libraries=$(timeout 5 ldd "$path" 2>/dev/null) || continue
  case $libraries in *libwayland-client.so* | *libgtk-[34].so* | *libQt[5-9]* | *libSDL*) continue ;; esac
  # X Toolkit Intrinsics, under Athena and Motif; GTK 2; FLTK before 1.4.
  case $libraries in *libXt.so* | *libgtk-x11-2.0.so* | *libfltk.so.1.3*) printf '%s\n' "$program" ;; esac
done
