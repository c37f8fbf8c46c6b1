# shellcheck shell=sh
# start_waypipe.sh
# After serve_session.sh: starts waypipe, which is ready when serve_wayland.sh wants it. Each connection of an app to waypipe's
# display becomes one to the host's end.
#
# Values in front:
#   sockets         where sockets of sessions are
#   transport       what the socket of the host's end was called before it got the session's name
#   compress        how what is sent is compressed, as the host's end has it
#   forwarded       not empty for a host's end on another machine
: "${session:?}" "${sockets:?}" "${transport:?}" "${compress:?}" "${forwarded?}"

# The host's end lives for as long as this is open: until systemd has ended all processes of the session.
exec 9<>"$sockets/$transport~end"

# An app may outlive its windows. For as long as there is a connection, this container's sshd listens at this socket.
if [ "$forwarded" ]; then
  {
    while grep -q " $sockets/$transport\$" /proc/net/unix; do sleep 3; done
    kill $$
  } &
fi

# waypipe starts a command when its display is there, and ends with it; but waypipe 0.9.2 does not always notice the end of it.
# So the app is not that command. waypipe itself ends when the host's end is gone; so does the session then.
mkfifo "$RUNTIME_DIRECTORY/ready"
{
  # A name: programs such as foot's server put it into names of their own. It is not one that systemd or a compositor gives.
  # shellcheck disable=SC2016 # The inner shell expands this.
  waypipe --no-gpu --compress "$compress" --socket "$sockets/$session" --display "gui-$session" \
    server -- /bin/sh -c 'echo >"$RUNTIME_DIRECTORY/ready"; exec sleep infinity'
  kill $$
} &
