# shellcheck shell=sh
# record_channels.sh
# Behind find_session.sh: writes down which channels of the session are open from now on.
#
# Value in front:
#   channels  these
: "${channels?}" "${environment:?}"
printf '%s\n' "$channels" >"${environment%/*}/channels"
