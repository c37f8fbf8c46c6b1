# shellcheck shell=sh
# serve_wayland.sh
# The end of the main process of a session's service, after start_waypipe.sh: becomes the app once waypipe is ready.
#
# Values in front: x_gate.py, and run_on_x.sh
start_bus

# The compositor passes the desktop's input method on (text-input-v3), but Qt 5 does not support that: so Qt uses an
# input method that is set up in the container, if it works over D-Bus. XIM would need X.
unset GTK_IM_MODULE XMODIFIERS
case ${QT_IM_MODULE-} in
  fcitx*) fcitx5 -d ;;
  ibus) ibus-daemon --daemonize ;;
  *) false ;;
esac >/dev/null 2>&1 || unset QT_IM_MODULE

# Apps that support both use Wayland.
export XDG_SESSION_TYPE=wayland MOZ_ENABLE_WAYLAND=1 ELECTRON_OZONE_PLATFORM_HINT=wayland WAYLAND_DISPLAY="gui-${session:?}"

# A display for programs that support only X, and that an app starts, such as a terminal. X servers choose low numbers;
# no other session has this number, since it is the id of a live process.
x_socket=/tmp/.X11-unix/X$$
ln -s "$x_socket" "$RUNTIME_DIRECTORY/x_socket"
printf '%s\n' "${x_gate:?}" >"$RUNTIME_DIRECTORY/x_gate.py"
SYSTEMD_LOG_LEVEL=warning systemd-socket-activate --listen="$x_socket" --setenv=RUNTIME_DIRECTORY \
  /usr/bin/python3 "$RUNTIME_DIRECTORY/x_gate.py" "${run_on_x:?}" &
export DISPLAY=":$$"

read -r _ <"$RUNTIME_DIRECTORY/ready"
exec /bin/sh "$RUNTIME_DIRECTORY/app"
