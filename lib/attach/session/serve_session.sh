# shellcheck shell=sh
# serve_session.sh
# The beginning of the main process of a session's service: records the app. serve_x11.sh or serve_wayland.sh follows.
#
# Values in front:
#   sockets         the directory of the sessions' sockets and logs
#   run             the id of the run that starts the session
#   shown           not empty if the run shows the session: its agent follows soon
#   app, record     the script that runs the app, and its words as JSON
#   opened          the open channels
#   stop            stop_session.sh
: "${sockets:?}" "${run:?}" "${shown?}" "${app:?}" "${record:?}" "${opened?}" "${stop:?}"
set -eu
session=${RUNTIME_DIRECTORY##*/gui-container-}
: >"$sockets/$session.log"
umask 077
# Shortens the log, of which only the end is read. outcome.ts looks for the line.
{
  while sleep 10; do
    [ "$(stat -c %s "$sockets/$session.log")" -gt 33554432 ] || continue
    tail -c 4194304 "$sockets/$session.log" >"$RUNTIME_DIRECTORY/log"
    echo "The app is started" >"$sockets/$session.log"
    cat "$RUNTIME_DIRECTORY/log" >>"$sockets/$session.log"
  done
} &
printf '%s\n' "$stop" >"$RUNTIME_DIRECTORY/stop"
printf '%s\n' "$app" >"$RUNTIME_DIRECTORY/app"
printf '%s\n' "$record" >"$RUNTIME_DIRECTORY/record"
printf '%s\n' "$opened" >"$RUNTIME_DIRECTORY/channels"
[ -z "$shown" ] || : >"$RUNTIME_DIRECTORY/awaited"
printf '%s\n' "$run" >"$RUNTIME_DIRECTORY/run"
rm -f "$GUI_CONTAINER_SERVER"
unset GUI_CONTAINER_SERVER
export TMPDIR="$RUNTIME_DIRECTORY" LANG="${LANG:-C.UTF-8}"

# Functions by which channels start their parts once the bus runs.
after_bus=

start_bus() {
  env -u GTK_USE_PORTAL -u XPRA_COMMAND dbus-daemon --session --fork --address="unix:path=$RUNTIME_DIRECTORY/bus"
  export DBUS_SESSION_BUS_ADDRESS="unix:path=$RUNTIME_DIRECTORY/bus"
  for start in $after_bus; do "$start"; done
}
