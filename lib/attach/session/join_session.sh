# shellcheck shell=sh
# join_session.sh
# Behind find_session.sh: runs an app in the session, with the environment of the session's first app; the parameters are
# the app's words. It runs in a scope that ends with the session, and holds a lock that keeps the session until the app has
# ended. Prints the session's name just before; what the app prints goes to the session's log.
#
# Value in front:
#   xpra_directory  where logs of sessions are
: "${xpra_directory:?}" "${session:?}" "${environment:?}"
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
