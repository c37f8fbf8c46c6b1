# shellcheck shell=sh
# serve_session.sh
# The beginning of the main process of a session's service: writes down what the app is. serve_x11.sh or serve_wayland.sh
# follows.
#
# Values in front:
#   sockets         where sockets and logs of sessions are
#   run             the id of the run that starts the session
#   shown           not empty for a session that the run shows: its agent comes soon
: "${sockets:?}" "${run:?}" "${shown?}"
set -eu
session=${RUNTIME_DIRECTORY##*/gui-container-}
: >"$sockets/$session.log"
umask 077
# Of a log, the end is read. outcome.ts looks for the line.
{
  while sleep 10; do
    [ "$(stat -c %s "$sockets/$session.log")" -gt 33554432 ] || continue
    tail -c 4194304 "$sockets/$session.log" >"$RUNTIME_DIRECTORY/log"
    echo "The app is started" >"$sockets/$session.log"
    cat "$RUNTIME_DIRECTORY/log" >>"$sockets/$session.log"
  done
} &
printf '%s\n' "$GUI_CONTAINER_APP" >"$RUNTIME_DIRECTORY/app"
printf '%s\n' "$GUI_CONTAINER_RECORD" >"$RUNTIME_DIRECTORY/record"
printf '%s\n' "$GUI_CONTAINER_CHANNELS" >"$RUNTIME_DIRECTORY/channels"
[ -z "$shown" ] || : >"$RUNTIME_DIRECTORY/awaited"
printf '%s\n' "$run" >"$RUNTIME_DIRECTORY/run"
rm -f "$GUI_CONTAINER_SERVER"
unset GUI_CONTAINER_APP GUI_CONTAINER_RECORD GUI_CONTAINER_CHANNELS GUI_CONTAINER_SERVER GUI_CONTAINER_STOP
export TMPDIR="$RUNTIME_DIRECTORY" LANG="${LANG:-C.UTF-8}"

# What parts of channels start once the bus is there.
after_bus=

start_bus() {
  env -u GTK_USE_PORTAL -u XPRA_COMMAND dbus-daemon --session --fork --address="unix:path=$RUNTIME_DIRECTORY/bus"
  export DBUS_SESSION_BUS_ADDRESS="unix:path=$RUNTIME_DIRECTORY/bus"
  for start in $after_bus; do "$start"; done
}
