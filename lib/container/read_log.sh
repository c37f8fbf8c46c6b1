# shellcheck shell=sh
# read_log.sh
# Prints the end of a session's log, as the container user: a line with the size of the whole log in bytes, then the
# end. Prints nothing if there is no log.
#
# Values in front:
#   sockets         the directory of the logs
#   session         the session's name; empty for the log written to last
#   bytes           how much to print
: "${sockets:?}" "${session?}" "${bytes:?}"
cd "$sockets" || exit 0
log=${session:+$session.log}
# shellcheck disable=SC2012 # Other names do not belong to sessions.
[ "$log" ] || log=$(ls -t -- *.log 2>/dev/null | head -n 1)
[ -f "$log" ] || exit 0
stat -c %s "$log"
tail -c "$bytes" "$log"
