# shellcheck shell=sh
# serve_wayland.sh
# The end of the main process of a session's service, behind serve_session.sh: starts waypipe, then becomes the app. Each
# connection of an app to waypipe's display becomes one to the host's end.
#
# Values in front:
#   xpra_directory  where sockets of sessions are
#   transport       what the socket of the host's end was called before it got the session's name
#   compress        how what is sent is compressed, as the host's end has it
#   patience        for a host's end on another machine: how long a broken connection to it is waited for, in seconds
: "${xpra_directory:?}" "${transport:?}" "${compress:?}" "${patience?}"
session=${RUNTIME_DIRECTORY##*/gui-container-}

# The host's end lives for as long as this is open: until systemd has ended all processes of the session.
exec 9<>"$xpra_directory/$transport~end"

start_bus_and_sound

# The desktop's input method comes by the compositor (text-input-v3). One of the container would need X.
unset GTK_IM_MODULE QT_IM_MODULE XMODIFIERS

# What can do both takes Wayland. Toolkits that are not named here do so when there is no DISPLAY.
export XDG_SESSION_TYPE=wayland MOZ_ENABLE_WAYLAND=1 ELECTRON_OZONE_PLATFORM_HINT=wayland

if [ "$patience" ]; then
  # Without this, waypipe gives up when its connection breaks. reconnect_wayland.sh tells it the next one.
  set -- --control "$RUNTIME_DIRECTORY/control"
  # For as long as there is a connection, this container's sshd listens at a socket whose name begins so.
  {
    missed=0
    while [ "$missed" -lt "$patience" ]; do
      sleep 10
      missed=$((missed + 10))
      ! grep -q " $xpra_directory/$transport" /proc/net/unix || missed=0
    done
    kill $$
  } &
fi

# waypipe starts a command when its display is there, and ends with it; but waypipe 0.9.2 does not always notice the end of it.
# So the app is not that command. waypipe itself ends when the host's end is gone; so does the session then.
mkfifo "$RUNTIME_DIRECTORY/ready"
{
  # shellcheck disable=SC2016 # The inner shell expands this.
  waypipe --no-gpu --compress "$compress" "$@" --socket "$xpra_directory/$session" --display "$RUNTIME_DIRECTORY/wayland" \
    server -- /bin/sh -c 'echo "$WAYLAND_DISPLAY" >"$RUNTIME_DIRECTORY/ready"; exec sleep infinity'
  kill $$
} &
read -r WAYLAND_DISPLAY <"$RUNTIME_DIRECTORY/ready"
export WAYLAND_DISPLAY
exec /bin/sh "$RUNTIME_DIRECTORY/app"
