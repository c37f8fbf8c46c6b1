# shellcheck shell=sh
# reconnect_wayland.sh
# Tells the waypipe of a session the socket of its next connection to the host's end, as the container user. Fails when the session
# has ended.
#
# Values in front:
#   session  the session's name
#   socket   the path of that socket
: "${session:?}" "${socket:?}"
control=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/gui-container-$session/control
# waypipe 0.9.2 does not start in a directory that it may not read.
[ -p "$control" ] && cd / && exec timeout 10 waypipe recon "$control" "$socket"
