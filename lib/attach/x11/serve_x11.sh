# shellcheck shell=sh
# serve_x11.sh
# The end of the main process of a session's service, after serve_session.sh: starts an X server, which chooses its
# display number, then becomes xpra, which takes the listening socket from systemd. The parameters are options of xpra.
#
# Values in front:
#   screen, dpi  size of the X screen as WIDTHxHEIGHT, and its dots per inch
#   monitors     the geometry of each monitor; empty for a single one
#   repairs      repair_xpra.py
#   close_windows  the script that stop_session.sh runs on the display
: "${screen:?}" "${dpi:?}" "${monitors?}" "${repairs:?}" "${close_windows:?}"
export XAUTHORITY="$RUNTIME_DIRECTORY/xauthority"

# A cookie for any display, since the number is not known yet (Xsecurity(7); libXau's AuWrite.c has the format).
{ printf '\377\377\0\0\0\0\0\022MIT-MAGIC-COOKIE-1\0\020'; head -c 16 /dev/urandom; } >"$XAUTHORITY"
# The screen can grow by one more monitor of 3840x2160. At its start, Xvfb paints the largest screen into its file
# (X.Org 21.1): 50 MB for a screen of 1920x1200.
width=${screen%x*} height=${screen#*x}
largest=$((width + 3840))x$((height > 2160 ? height : 2160))
[ "$(($(stat --file-system --format='%a * %S' "$RUNTIME_DIRECTORY")))" -gt 300000000 ] || largest=$screen
Xvfb -displayfd 3 -screen 0 "${largest}x24+32" -fbdir "$RUNTIME_DIRECTORY" -auth "$XAUTHORITY" -nolisten tcp -noreset \
  +extension GLX +extension RANDR +extension RENDER +extension Composite -dpi "$dpi" 3>/dev/null &
server=$!
start_bus
# Xvfb reports its display number once it is ready. Its socket has the number long before: clients that connect wait, so
# that xpra can load meanwhile.
until
  display=$(readlink "/proc/$server/fd/"* | awk '
    FILENAME != "-" { if (sub("^/tmp/.X11-unix/X", "", $8)) displays["socket:[" $7 "]"] = $8; next }
    $0 in displays { print displays[$0]; exit }' /proc/net/unix -)
  [ "$display" ]
do
  kill -0 "$server"
  sleep 0.02
done
export DISPLAY=":$display"

# The same cookie for this display: python-xlib 0.33 ignores cookies for any display.
octal() { printf '\\0%o' "$1"; }
host=$(uname -n)
{
  printf '\001\000\000%b%s\000%b%s\000\022MIT-MAGIC-COOKIE-1\000\020' \
    "$(octal ${#host})" "$host" "$(octal ${#display})" "$display"
  tail -c 16 "$XAUTHORITY"
} >"$XAUTHORITY-display"
cat "$XAUTHORITY-display" >>"$XAUTHORITY"
rm "$XAUTHORITY-display"

# Xvfb has one output, "screen", for the first monitor. xpra 6.5.5 sets monitors only with Xorg's dummy driver.
{
  if [ "$screen" != "$largest" ]; then
    xrandr --newmode "$screen" 0 "$width" 0 0 "$width" "$height" 0 0 "$height"
    xrandr --addmode screen "$screen"
    xrandr --dpi "$dpi" --output screen --mode "$screen"
  fi
  # The file is all zeros (black) by now: a hole reads the same, and takes no memory.
  fallocate --punch-hole --offset 65536 --length 200000000 "$RUNTIME_DIRECTORY/Xvfb_screen0" || :
  output=screen
  for monitor in $monitors; do
    xrandr --setmonitor "$monitor" "$monitor" "$output" || break
    output=none
  done
} &
# An input method that is set up in the container replaces xpra's default of none. It is started here, since Xlib apps
# such as xterm only use one that already runs.
case ${XMODIFIERS-} in
  @im=fcitx) fcitx5 -d >/dev/null 2>&1 || : ;;
  @im=ibus) ibus-daemon --daemonize --xim >/dev/null 2>&1 || : ;;
esac
[ -z "${XMODIFIERS-}" ] || set -- "$@" --input-method=keep
printf %s "$repairs" >"$RUNTIME_DIRECTORY/sitecustomize.py"
printf %s "$close_windows" >"$RUNTIME_DIRECTORY/close_windows.py"
export PYTHONPATH="$RUNTIME_DIRECTORY:${PYTHONPATH-}"
# Without --env, xpra 6.5.5 drops the bus address, and would share one bus with the apps of all sessions.
exec xpra seamless "$DISPLAY" --start-child="/bin/sh $RUNTIME_DIRECTORY/app" \
  --env="DBUS_SESSION_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS" --sessions-dir="$RUNTIME_DIRECTORY/xpra" "$@"
