# shellcheck shell=sh
# serve_x11.sh
# The end of the main process of a session's service, after serve_session.sh: starts an X server on a display of its own
# choice, then becomes xpra, which takes the listening socket from systemd. The parameters are options of xpra.
#
# Values in front:
#   screen, dpi  size of the X screen as WIDTHxHEIGHT, and its dots per inch
#   monitors     where each monitor is in it; empty for a single one
#   repairs      repair_xpra.py
#   close_windows  what stop_session.sh runs on the display
: "${screen:?}" "${dpi:?}" "${monitors?}" "${repairs:?}" "${close_windows:?}"
export XAUTHORITY="$RUNTIME_DIRECTORY/xauthority"

# A cookie for any display (Xsecurity(7); Xauth's AuWrite.c has the format of an entry): the number is not known yet.
{ printf '\377\377\0\0\0\0\0\022MIT-MAGIC-COOKIE-1\0\020'; head -c 16 /dev/urandom; } >"$XAUTHORITY"
# It can grow by a further monitor of 3840x2160. Xvfb paints the largest screen at its start, in this file (X.Org 21.1): 50 MB for a
# screen of 1920x1200.
width=${screen%x*} height=${screen#*x}
largest=$((width + 3840))x$((height > 2160 ? height : 2160))
[ "$(($(stat --file-system --format='%a * %S' "$RUNTIME_DIRECTORY")))" -gt 300000000 ] || largest=$screen
Xvfb -displayfd 3 -screen 0 "${largest}x24+32" -fbdir "$RUNTIME_DIRECTORY" -auth "$XAUTHORITY" -nolisten tcp -noreset \
  +extension GLX +extension RANDR +extension RENDER +extension Composite -dpi "$dpi" 3>/dev/null &
server=$!
start_bus
# Xvfb tells the number of its display once it is ready. Its socket has it long before: whoever connects waits, and xpra loads
# meanwhile.
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
{
  if [ "$screen" != "$largest" ]; then
    xrandr --newmode "$screen" 0 "$width" 0 0 "$width" "$height" 0 0 "$height"
    xrandr --addmode screen "$screen"
    xrandr --dpi "$dpi" --output screen --mode "$screen"
  fi
  # All of it is black by now, as a hole is, which takes no memory.
  fallocate --punch-hole --offset 65536 --length 200000000 "$RUNTIME_DIRECTORY/Xvfb_screen0" || :
  output=screen
  for monitor in $monitors; do
    xrandr --setmonitor "$monitor" "$monitor" "$output" || break
    output=none
  done
} &
# An input method that the container has set up takes the place of xpra's choice, which is none. It is started here, since an app of
# Xlib, such as xterm, does without one that is not there yet.
case ${XMODIFIERS-} in
  @im=fcitx) fcitx5 -d >/dev/null 2>&1 || : ;;
  @im=ibus) ibus-daemon --daemonize --xim >/dev/null 2>&1 || : ;;
esac
[ -z "${XMODIFIERS-}" ] || set -- "$@" --input-method=keep
printf %s "$repairs" >"$RUNTIME_DIRECTORY/sitecustomize.py"
printf %s "$close_windows" >"$RUNTIME_DIRECTORY/close_windows.py"
export PYTHONPATH="$RUNTIME_DIRECTORY:${PYTHONPATH-}"
# Without --env, xpra 6.5.5 forgets the bus, and it and the app would be on the one that all sessions share.
exec xpra seamless "$DISPLAY" --start-child="/bin/sh $RUNTIME_DIRECTORY/app" \
  --env="DBUS_SESSION_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS" --sessions-dir="$RUNTIME_DIRECTORY/xpra" "$@"
