# shellcheck shell=sh
# start_agent.sh
# Becomes the agent of a session, as the container user. Its stdin and stdout are the host's end.
#
# Values in front:
#   session   the session's name
#   agent     agent.py
#   channels  what it is to serve, with spaces between
#   missing   exit status: it can serve nothing. Prints what is not installed, also when it serves something
: "${session:?}" "${agent:?}" "${channels:?}" "${missing:?}"
environment=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/gui-container-$session/environment
# The app is started a moment after the session, and is in it while this file is there.
tries=0
until [ -e "$environment" ]; do
  # The session has ended meanwhile.
  [ -d "${environment%/*}" ] && [ "$tries" -lt 600 ] || exit 1
  tries=$((tries + 1))
  sleep 0.1
done
[ -d /usr/lib/python3/dist-packages/gi ] || { echo python3-gi; exit "$missing"; }
if ! [ -d "${environment%/*}/portals" ]; then
  [ -x /usr/libexec/xdg-desktop-portal ] && echo no-portals || echo xdg-desktop-portal
fi
serves=
for channel in $channels; do
  if [ "$channel" = microphone ] && ! [ -d "${environment%/*}/microphone" ]; then
    echo no-microphone
  else
    serves="$serves $channel"
  fi
done
[ "$serves" ] || exit "$missing"
# The environment may set any variable, but cannot change the positional parameters.
# shellcheck disable=SC2086 # These are words.
set -- "$agent" $serves
# shellcheck source=/dev/null
. "$environment"
# GTK shows its own dialog here, when the host's end is gone.
unset GTK_USE_PORTAL
exec /usr/bin/python3 -c "$@" 2>/dev/null
