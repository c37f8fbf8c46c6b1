# shellcheck shell=sh
# serve_wayland.sh
# The end of the main process of a session's service, after start_waypipe.sh: becomes the app when waypipe is ready.
#
# Value in front:
#   x_clients  serve_x_clients.sh
: "${session:?}" "${sockets:?}" "${run:?}" "${x_clients:?}"

# For apps that know only X, systemd holds the sockets of a display, and starts its server with the first client. X servers that
# choose a number take the lowest one that is free; this one, a process that lives, no other session has.
display=$$ starting=''
if command -v Xwayland >/dev/null; then
  printf '%s\n' "$x_clients" >"$RUNTIME_DIRECTORY/x_clients"
  systemd-run --user --quiet --collect --unit="gui-display-$run" --description="X display of $session" \
    --property=BindsTo="gui-container-$session.service" --socket-property=BindsTo="gui-container-$session.service" \
    --socket-property=ListenStream="/tmp/.X11-unix/X$display" --socket-property=ListenStream="@/tmp/.X11-unix/X$display" \
    --socket-property=SocketMode=0600 --socket-property=RemoveOnStop=yes \
    --property=StandardOutput="append:$sockets/$session.log" --property=StandardError=inherit \
    /bin/sh "$RUNTIME_DIRECTORY/x_clients" &
  starting=$!
else
  echo "There is no Xwayland in this container"
fi
start_bus_and_sound

# The desktop's input method comes by the compositor (text-input-v3). One of the container would need X.
unset GTK_IM_MODULE QT_IM_MODULE XMODIFIERS

# What can do both takes Wayland. GTK does so by itself.
export XDG_SESSION_TYPE=wayland MOZ_ENABLE_WAYLAND=1 ELECTRON_OZONE_PLATFORM_HINT=wayland
export QT_QPA_PLATFORM="${QT_QPA_PLATFORM:-wayland;xcb}" SDL_VIDEODRIVER="${SDL_VIDEODRIVER:-wayland,x11}"

read -r WAYLAND_DISPLAY <"$RUNTIME_DIRECTORY/ready"
export WAYLAND_DISPLAY
if [ "$starting" ] && wait "$starting"; then
  make_cookie
  use_display "$display"
fi
exec /bin/sh "$RUNTIME_DIRECTORY/app"
