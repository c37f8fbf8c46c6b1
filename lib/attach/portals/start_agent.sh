# shellcheck shell=sh
# start_agent.sh
# Becomes the agent of a session, as the container user. Its stdin and stdout are the host's end.
#
# Values in front:
#   session   the session's name; empty for the session of this run
#   run       the id of this run
#   agent     agent.py
#   channels  what it is to serve, with spaces between
#   missing   exit status: it can serve nothing. What is not installed is printed, also when it serves something
: "${session?}" "${run?}" "${agent:?}" "${channels:?}" "${missing:?}"
[ -d /usr/lib/python3/dist-packages/gi ] || { echo python3-gi; exit "$missing"; }
# shellcheck disable=SC2086 # These are words.
exec /usr/bin/python3 -c "$agent" "$session" "$run" "$missing" $channels 2>/dev/null
