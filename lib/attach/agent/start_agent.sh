# shellcheck shell=sh
# start_agent.sh
# Runs the agent of a session, as the container user. Its stdin and stdout are the host's end. An agent that nobody needs for a
# while ends, and takes 25 MB of memory with it: this waits until the session's bus calls (see offer_portals.sh), or the host's end
# says something.
#
# Values in front:
#   session   the session's name; empty for the session of this run
#   run       the id of this run
#   agent     agent.py
#   channels  what it is to serve, with spaces between
#   missing   exit status: it can serve nothing. What is not installed is printed, also when it serves something
#   asleep    exit status of an agent that nobody needs
#   replaced  exit status: the agent of a later run has taken its place
: "${session?}" "${run?}" "${agent:?}" "${channels:?}" "${missing:?}" "${asleep:?}" "${replaced:?}"
[ -d /usr/lib/python3/dist-packages/gi ] || { echo python3-gi; exit "$missing"; }
called='' line=''
trap 'called=yes' USR1
while
  # shellcheck disable=SC2086 # These are words.
  /usr/bin/python3 -c "$agent" "$session" "$run" "$missing" "$asleep" "$replaced" "$line" $channels 2>/dev/null
  status=$?
  [ "$status" = "$asleep" ]
do
  line=''
  [ "$called" ] || read -r line || [ "$called" ] || exit 0
  called=''
  # A later run's agent has written its own process there.
  grep -qsx $$ "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"/gui-container-*/attached || exit "$replaced"
done
exit "$status"
