# shellcheck shell=sh
# find_session.sh
# Finds a live session, as the container user, for the script that follows: the session's name is in $session then, and the file
# with the environment of its first app in $environment.
#
# Values in front:
#   session            the session's name; empty for the only one
#   not_live, not_one  exit statuses: there is no such session; there is none, or more than one
: "${session?}" "${not_live:?}" "${not_one:?}"
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
if [ -z "$session" ]; then
  for record in "$XDG_RUNTIME_DIR"/gui-container-*/record; do
    [ -z "$session" ] && [ -e "$record" ] || exit "$not_one"
    session=${record%/record}
    session=${session##*/gui-container-}
  done
fi
environment=$XDG_RUNTIME_DIR/gui-container-$session/environment
# A session that is just starting has none yet.
tries=0
until [ -e "$environment" ]; do
  [ -e "${environment%/*}/record" ] && [ "$tries" -lt 200 ] || exit "$not_live"
  tries=$((tries + 1))
  sleep 0.1
done
