# shellcheck shell=sh
# start_agent.sh
# Becomes the agent of a session, as the container user. Its stdin and stdout are the host's end.
#
# Values in front:
#   session  the session's name
#   agent    agent.py
#   missing  exit status: there are no portals in the session; prints the package that is not installed, if it is for that
: "${session:?}" "${agent:?}" "${missing:?}"
environment=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/gui-container-$session/environment
# The app is started a moment after the session, and is in it while this file is there.
tries=0
until [ -e "$environment" ]; do
  [ "$tries" -lt 600 ] || exit 1
  tries=$((tries + 1))
  sleep 0.1
done
if ! [ -d "${environment%/*}/portals" ]; then
  [ -x /usr/libexec/xdg-desktop-portal ] || echo xdg-desktop-portal
  [ -d /usr/lib/python3/dist-packages/gi ] || echo python3-gi
  exit "$missing"
fi
set -- "$agent"
# shellcheck source=/dev/null
. "$environment"
# GTK shows its own dialog here, when the host's end is gone.
unset GTK_USE_PORTAL
exec /usr/bin/python3 -c "$1" 2>/dev/null
