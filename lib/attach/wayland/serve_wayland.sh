# shellcheck shell=sh
# serve_wayland.sh
# The end of the main process of a session's service, after start_waypipe.sh: becomes the app when waypipe is ready.
#
# Values in front: x_gate.py, and run_on_x.sh
start_bus

# The desktop's input method comes by the compositor (text-input-v3), of which Qt 5 knows nothing: for Qt, one that the container has
# and has set up takes its place if it goes by D-Bus. XIM would need X.
unset GTK_IM_MODULE XMODIFIERS
case ${QT_IM_MODULE-} in
  fcitx*) fcitx5 -d ;;
  ibus) ibus-daemon --daemonize ;;
  *) false ;;
esac >/dev/null 2>&1 || unset QT_IM_MODULE

# What can do both takes Wayland.
export XDG_SESSION_TYPE=wayland MOZ_ENABLE_WAYLAND=1 ELECTRON_OZONE_PLATFORM_HINT=wayland WAYLAND_DISPLAY="gui-${session:?}"

# For what knows only X, and is started by an app, such as a terminal. X servers choose a low number; no other session has this one,
# which is a process that lives.
x_socket=/tmp/.X11-unix/X$$
ln -s "$x_socket" "$RUNTIME_DIRECTORY/x_socket"
printf '%s\n' "${x_gate:?}" >"$RUNTIME_DIRECTORY/x_gate.py"
SYSTEMD_LOG_LEVEL=warning systemd-socket-activate --listen="$x_socket" --setenv=RUNTIME_DIRECTORY \
  /usr/bin/python3 "$RUNTIME_DIRECTORY/x_gate.py" "${run_on_x:?}" &
export DISPLAY=":$$"

read -r _ <"$RUNTIME_DIRECTORY/ready"
exec /bin/sh "$RUNTIME_DIRECTORY/app"
