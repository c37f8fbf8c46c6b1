# shellcheck shell=sh
# The main process of a session's service: starts an X server on a display of its own choice, a D-Bus and a sound server,
# then becomes xpra, which takes the listening socket from systemd. The parameters are options of xpra.
#
# Values in front:
#   xpra_directory  where sockets and logs of sessions are
#   screen, dpi     size of the X screen as WIDTHxHEIGHT, and its dots per inch
#   monitors        where each monitor is in it; empty for a single one
#   sound           what the FIFO for sound has behind the session's name; empty for a session without a FIFO
#   samples         the arguments of PulseAudio's pipe sink that describe the samples
: "${xpra_directory:?}" "${screen:?}" "${dpi:?}" "${monitors?}" "${sound?}" "${samples?}"
set -eu
session=${RUNTIME_DIRECTORY##*/gui-container-}
: >"$xpra_directory/$session.log"
umask 077
printf '%s\n' "$GUI_CONTAINER_APP" >"$RUNTIME_DIRECTORY/app"
printf '%s\n' "$GUI_CONTAINER_RECORD" >"$RUNTIME_DIRECTORY/record"
unset GUI_CONTAINER_APP GUI_CONTAINER_RECORD GUI_CONTAINER_SERVER
export XAUTHORITY="$RUNTIME_DIRECTORY/xauthority" TMPDIR="$RUNTIME_DIRECTORY" LANG="${LANG:-C.UTF-8}"

# A cookie for any display (Xsecurity(7); Xauth's AuWrite.c has the format of an entry): the number is not known yet.
{ printf '\377\377\0\0\0\0\0\022MIT-MAGIC-COOKIE-1\0\020'; head -c 16 /dev/urandom; } >"$XAUTHORITY"
mkfifo "$RUNTIME_DIRECTORY/display"
Xvfb -displayfd 3 -screen 0 "${screen}x24+32" -auth "$XAUTHORITY" -nolisten tcp -noreset +extension GLX \
  +extension RANDR +extension RENDER +extension Composite -dpi "$dpi" 3>"$RUNTIME_DIRECTORY/display" &
dbus-daemon --session --fork --address="unix:path=$RUNTIME_DIRECTORY/bus"
export DBUS_SESSION_BUS_ADDRESS="unix:path=$RUNTIME_DIRECTORY/bus"
if [ "$sound" ]; then
  # Timed by the system's clock, apps play on even if nobody reads the FIFO; the samples are then dropped.
  pulseaudio -n --daemonize=no --use-pid-file=no --exit-idle-time=-1 --realtime=no --high-priority=no \
    --load="module-native-protocol-unix socket=$RUNTIME_DIRECTORY/pulse auth-anonymous=1" \
    --load="module-pipe-sink sink_name=host file=$xpra_directory/$session$sound $samples use_system_clock_for_timing=yes" \
    --load="module-suspend-on-idle timeout=1" &
  export PULSE_SERVER="unix:$RUNTIME_DIRECTORY/pulse"
fi
read -r display <"$RUNTIME_DIRECTORY/display"
export DISPLAY=":$display"

# The same cookie for this very display: python-xlib 0.33 does not use one for any display.
octal() { printf '\\0%o' "$1"; }
host=$(uname -n)
{
  printf '\001\000\000%b%s\000%b%s\000\022MIT-MAGIC-COOKIE-1\000\020' \
    "$(octal ${#host})" "$host" "$(octal ${#display})" "$display"
  tail -c 16 "$XAUTHORITY"
} >"$XAUTHORITY-display"
cat "$XAUTHORITY-display" >>"$XAUTHORITY"
rm "$XAUTHORITY-display"

# Xvfb has one output, called "screen", which the first monitor takes. xpra 6.5.5 sets monitors of Xorg's dummy driver only.
output=screen
for monitor in $monitors; do
  xrandr --setmonitor "$monitor" "$monitor" "$output" || break
  output=none
done &
exec xpra seamless "$DISPLAY" --start-child="/bin/sh $RUNTIME_DIRECTORY/app" \
  --sessions-dir="$RUNTIME_DIRECTORY/xpra" "$@"
