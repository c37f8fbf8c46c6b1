# shellcheck shell=sh
# find_x_only.sh
# Prints which of "xpra" and "Xwayland" are installed, then, one per line, which of its parameters are programs that
# support X only: they are linked with a toolkit for X alone, and with none that supports Wayland. Runs as the
# container's user. Scripts, and programs that load their toolkit later, are not detected.
for server in xpra Xwayland; do
  ! command -v "$server" >/dev/null || printf '%s ' "$server"
done
echo
for program; do
  path=$(command -v "$program") || continue
  libraries=$(timeout 5 ldd "$path" 2>/dev/null) || continue
  case $libraries in *libwayland-client.so* | *libgtk-[34].so* | *libQt[5-9]* | *libSDL*) continue ;; esac
  # X Toolkit Intrinsics, under Athena and Motif; GTK 2; FLTK before 1.4.
  case $libraries in *libXt.so* | *libgtk-x11-2.0.so* | *libfltk.so.1.3*) printf '%s\n' "$program" ;; esac
done
