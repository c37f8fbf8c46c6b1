# shellcheck shell=sh
# start_waypipe.sh
# After serve_session.sh: starts waypipe, for which serve_wayland.sh waits. waypipe forwards each connection of an app
# to the host's end.
#
# Values in front:
#   sockets         the directory of the sessions' sockets
#   transport       the name of the host's end's socket before it was renamed to the session's name
#   compress        the compression, which must be that of the host's end
#   forwarded       not empty if the host's end is on another machine
: "${session:?}" "${sockets:?}" "${transport:?}" "${compress:?}" "${forwarded?}"

# The host's end lives while this FIFO is open: until systemd has ended all processes of the session.
exec 9<>"$sockets/$transport~end"

# An app may outlive its windows. While there is a connection, this container's sshd listens at this socket.
if [ "$forwarded" ]; then
  {
    while grep -q " $sockets/$transport\$" /proc/net/unix; do sleep 3; done
    kill $$
  } &
fi

# waypipe starts a command once its display exists, and exits with it; but 0.9.2 does not always notice the command's
# end. So the app is not that command. waypipe exits when the host's end is gone, and the session with it.
mkfifo "$RUNTIME_DIRECTORY/ready"
{
  # A bare name, since programs such as foot's server use it in their own names. Neither systemd nor a compositor uses
  # it.
  # shellcheck disable=SC2016 # The inner shell expands this.
  waypipe --no-gpu --compress "$compress" --socket "$sockets/$session" --display "gui-$session" \
    server -- /bin/sh -c 'echo >"$RUNTIME_DIRECTORY/ready"; exec sleep infinity'
  kill $$
} &
