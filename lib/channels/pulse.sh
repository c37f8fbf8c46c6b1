# shellcheck shell=sh
# pulse.sh
# Once the session has a bus, the first app that connects starts its PulseAudio. That is timed by the system's clock: apps play on
# even if nobody reads the FIFO, and the samples are dropped.
start_pulse() {
  SYSTEMD_LOG_LEVEL=warning systemd-socket-activate --listen="$RUNTIME_DIRECTORY/pulse" --setenv=XDG_RUNTIME_DIR \
    --setenv=TMPDIR --setenv=DBUS_SESSION_BUS_ADDRESS \
    pulseaudio -n --daemonize=no --use-pid-file=no --exit-idle-time=-1 --realtime=no --high-priority=no \
    --load="module-native-protocol-unix socket=$RUNTIME_DIRECTORY/pulse auth-anonymous=1" \
    ${sink:+--load="module-pipe-sink sink_name=host $sink use_system_clock_for_timing=yes"} \
    ${source:+--load="module-pipe-source source_name=microphone $source"} \
    --load="module-suspend-on-idle timeout=1" &
  export PULSE_SERVER="unix:$RUNTIME_DIRECTORY/pulse"
}
after_bus="$after_bus start_pulse"
