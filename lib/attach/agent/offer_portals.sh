# shellcheck shell=sh
# offer_portals.sh
# After serve_session.sh: tells the session's bus and apps of what agent.py answers. Where the container lacks what that
# needs, all stays as it is without; the agent tells the host's end so.
#
# Values in front:
#   channels    what the agent is to serve, with spaces between
#   agent       agent.py, for as long as no run has brought its own
#   bus_names   by which apps call it
#   interfaces  of the portal's backends, which it has
: "${channels?}" "${agent?}" "${bus_names?}" "${interfaces?}"
if [ "$channels" ]; then
  data=$RUNTIME_DIRECTORY/data
  mkdir -p "$RUNTIME_DIRECTORY/bin" "$data/applications" "$data/dbus-1/services"
  cat >"$RUNTIME_DIRECTORY/bin/xdg-open" <<'END'
#!/bin/sh
# Opens a link on the host, or hands a file over to it; what the host does not take is opened here.
case ${1-} in
  http://* | https://* | file://*) word=$1 ;;
  *) word=$(realpath -- "${1-}" 2>/dev/null) || word=${1-} ;;
esac
dbus-send --session --print-reply --dest=org.freedesktop.impl.portal.desktop.guicontainer \
  /org/freedesktop/portal/desktop org.guicontainer.Host.Open "string:$word" >/dev/null 2>&1 && exit
# Nothing here opens it: what was asked comes back.
[ "${GUI_CONTAINER_OPENED-.}" != "$word" ] || exit 3
export GUI_CONTAINER_OPENED="$word"
exec /usr/bin/xdg-open "$@"
END
  chmod 700 "$RUNTIME_DIRECTORY/bin/xdg-open"
  # For apps that do without xdg-open.
  printf '[Desktop Entry]\nType=Application\nName=Host\nNoDisplay=true\nExec=%s %%u\n' \
    "$RUNTIME_DIRECTORY/bin/xdg-open" >"$data/applications/gui-container.desktop"
  export PATH="$RUNTIME_DIRECTORY/bin:$PATH" XDG_DATA_DIRS="$data:${XDG_DATA_DIRS:-/usr/local/share:/usr/share}"
fi
if [ "$channels" ] && [ -d /usr/lib/python3/dist-packages/gi ]; then
  [ -e "$RUNTIME_DIRECTORY/agent.py" ] || printf '%s\n' "$agent" >"$RUNTIME_DIRECTORY/agent.py"
  # What is called before the agent is there waits for it: for so long, the bus takes this for the agent that starts. One that sleeps
  # is woken, by a signal to session.sh. Where there is none, this becomes an agent without the host's end.
  cat >"$RUNTIME_DIRECTORY/start_agent" <<END
exec 2>/dev/null
cd "$RUNTIME_DIRECTORY" || exit 1
[ ! -e awaited ] || { sleep 20 && [ -e awaited ]; } || exit 1
if [ -e asleep ]; then
  while read -r sleeper <asleep && grep -qax verb=agent "/proc/\$sleeper/cmdline" && kill -s USR1 "\$sleeper"; do
    sleep 1
  done
  [ -e asleep ] || exit 1
fi
# Its own dialogs begin where it is.
cd
exec /usr/bin/python3 "$RUNTIME_DIRECTORY/agent.py" "" "" "" "" $channels >/dev/null
END
  for name in org.freedesktop.impl.portal.desktop.guicontainer $bus_names; do
    printf '[D-BUS Service]\nName=%s\nExec=/bin/sh %s/start_agent\n' "$name" "$RUNTIME_DIRECTORY" \
      >"$data/dbus-1/services/$name.service"
  done
fi
if [ "$channels" ] && [ -x /usr/libexec/xdg-desktop-portal ] && [ -d /usr/lib/python3/dist-packages/gi ]; then
  # The only place in which xdg-desktop-portal then looks: no other backend answers.
  export XDG_DESKTOP_PORTAL_DIR="$RUNTIME_DIRECTORY/portals"
  mkdir "$XDG_DESKTOP_PORTAL_DIR"
  printf '[preferred]\ndefault=guicontainer\n' >"$XDG_DESKTOP_PORTAL_DIR/portals.conf"
  {
    printf '[portal]\nDBusName=org.freedesktop.impl.portal.desktop.guicontainer\nInterfaces='
    # shellcheck disable=SC2086 # These are words.
    printf 'org.freedesktop.impl.portal.%s;' $interfaces
    echo
  } >"$XDG_DESKTOP_PORTAL_DIR/guicontainer.portal"
fi
