# shellcheck shell=sh
# serve_session.sh
# The beginning of the main process of a session's service: writes down what the app is. serve_x11.sh or serve_wayland.sh
# follows.
#
# Values in front:
#   sockets         where sockets and logs of sessions are
#   run             the id of the run that starts the session
#   shown           not empty for a session that the run shows: its agent comes soon
#   sound           not empty for a session that has a FIFO for sound
#   fifo_suffix     what that FIFO has after the session's name
#   samples         the arguments of PulseAudio's pipe sink that describe the samples
#   microphone      the same for its pipe source; empty for a session without a microphone
: "${sockets:?}" "${run:?}" "${shown?}" "${sound?}" "${fifo_suffix:?}" "${samples?}" "${microphone?}"
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
# The host's player ends when the FIFO is no longer open here: with the session. session.sh waits until it is open.
[ -z "$sound" ] || exec 8<>"$sockets/$session$fifo_suffix"
unset GUI_CONTAINER_APP GUI_CONTAINER_RECORD GUI_CONTAINER_CHANNELS GUI_CONTAINER_SERVER GUI_CONTAINER_STOP
export TMPDIR="$RUNTIME_DIRECTORY" LANG="${LANG:-C.UTF-8}"

# Starts the session's D-Bus, and what starts its sound server if it has sound.
start_bus_and_sound() {
  # PulseAudio makes the FIFO in there, to which the session's agent writes what the host's microphone picks up.
  [ -z "$microphone" ] || mkdir "$RUNTIME_DIRECTORY/microphone"
  env -u GTK_USE_PORTAL -u XPRA_COMMAND dbus-daemon --session --fork --address="unix:path=$RUNTIME_DIRECTORY/bus"
  export DBUS_SESSION_BUS_ADDRESS="unix:path=$RUNTIME_DIRECTORY/bus"
  if [ "$sound$microphone" ]; then
    # PulseAudio starts when the first app connects. Timed by the system's clock, apps play on even if nobody reads the FIFO;
    # the samples are then dropped.
    SYSTEMD_LOG_LEVEL=warning systemd-socket-activate --listen="$RUNTIME_DIRECTORY/pulse" --setenv=XDG_RUNTIME_DIR \
      --setenv=TMPDIR --setenv=DBUS_SESSION_BUS_ADDRESS \
      pulseaudio -n --daemonize=no --use-pid-file=no --exit-idle-time=-1 --realtime=no --high-priority=no \
      --load="module-native-protocol-unix socket=$RUNTIME_DIRECTORY/pulse auth-anonymous=1" \
      ${sound:+--load="module-pipe-sink sink_name=host file=$sockets/$session$fifo_suffix $samples use_system_clock_for_timing=yes"} \
      ${microphone:+--load="module-pipe-source source_name=microphone file=$RUNTIME_DIRECTORY/microphone/samples $microphone"} \
      --load="module-suspend-on-idle timeout=1" &
    export PULSE_SERVER="unix:$RUNTIME_DIRECTORY/pulse"
  fi
}
