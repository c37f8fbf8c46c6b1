# shellcheck shell=sh
# carry_text.sh
# Behind find_session.sh: prints the text on the clipboard of the session, or puts there what it reads. What offers it to the
# session's apps then is a scope that ends with the session, or when the time is over. xclip on the way out waits for the app that has copied, which may not
# answer.
#
# Values in front:
#   direction   out or in; ask: does nothing if the session is not on a Wayland desktop
#   most        how many bytes to print
#   by_wayland  exit status: the session is on a Wayland desktop, and has no clipboard of its own; its name is printed
#   seconds     for how long what was put there can be read
: "${direction:?}" "${most:?}" "${by_wayland:?}" "${seconds:?}" "${session:?}" "${environment:?}"
[ ! -e "${environment%/*}/wayland" ] || { printf '%s\n' "$session"; exit "$by_wayland"; }
[ "$direction" != ask ] || exit 0
# The environment may set any variable, but cannot change the positional parameters.
set -- "$direction" "$most" "gui-container-$session.service" "$seconds"
# shellcheck source=/dev/null
. "$environment"
command -v xclip >/dev/null || exit 127
if [ "$1" = out ]; then
  timeout 5 xclip -selection clipboard -out -target UTF8_STRING 2>/dev/null | head -c "$2"
else
  exec systemd-run --user --scope --quiet --collect --property=BindsTo="$3" --property=After="$3" \
    --property=RuntimeMaxSec="$4" -- \
    xclip -selection clipboard -in >/dev/null 2>&1
fi
