# shellcheck shell=sh
# await_end.sh
# Returns when a session has ended, as the container user.
#
# Value in front: the session's name
: "${session:?}"
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
pid=$(systemctl --user show --property=MainPID --value "gui-container-$session.service")
[ "${pid:-0}" = 0 ] || tail --pid="$pid" --sleep-interval=0.1 -f /dev/null
