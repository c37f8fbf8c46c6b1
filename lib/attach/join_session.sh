# shellcheck shell=sh
# Runs an app in a live session, as the container user, with the environment of the session's first app; the parameters are
# the app's words. It runs in a scope that ends with the session, and holds a lock that keeps the session until the app has
# ended. Prints the session's name just before; what the app prints goes to the session's log.
#
# Values in front:
#   xpra_directory     where logs of sessions are
#   session            the session's name; empty for the only one
#   not_live, not_one  exit statuses: there is no such session; there is none, or more than one
: "${xpra_directory:?}" "${session?}" "${not_live:?}" "${not_one:?}"
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
if [ -z "$session" ]; then
  for record in "$XDG_RUNTIME_DIR"/gui-container-*/record; do
    [ -z "$session" ] && [ -e "$record" ] || exit "$not_one"
    session=${record%/record}
    session=${session##*/gui-container-}
  done
fi
environment=$XDG_RUNTIME_DIR/gui-container-$session/environment
[ -e "$environment" ] || exit "$not_live"
# The environment may set any variable, but cannot change the positional parameters.
set -- "$session" "$environment" "$xpra_directory/$session.log" "$@"
# shellcheck source=/dev/null
. "$environment"
command -v "$4" >/dev/null || exit 127
printf '%s\n' "$1"
unit=gui-container-$1.service environment=$2
exec >>"$3" 2>&1
shift 3
exec systemd-run --user --scope --quiet --collect --property=BindsTo="$unit" --property=After="$unit" -- \
  flock --shared "$environment" "$@"
