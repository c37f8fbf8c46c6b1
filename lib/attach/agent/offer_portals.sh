# shellcheck shell=sh
# offer_portals.sh
# After serve_session.sh: registers agent.py with the session's bus, portal and apps. If the container lacks what that
# needs, nothing changes; the agent tells the host's end so.
#
# Values in front:
#   channels    the channels that the agent serves, separated by spaces
#   agent       agent.py, until a run has sent its own
#   bus_names   the bus names by which apps call it
#   interfaces  the portal backend interfaces that it implements
: "${channels?}" "${agent?}" "${bus_names?}" "${interfaces?}"
if [ "$channels" ]; then
  data=$RUNTIME_DIRECTORY/data
  mkdir -p "$RUNTIME_DIRECTORY/bin" "$data/applications" "$data/dbus-1/services"
  cat >"$RUNTIME_DIRECTORY/bin/xdg-open" <<'END'
#!/bin/sh
# Opens a link on the host, or hands a file over to it. What the host refuses is opened here.
case ${1-} in
  http://* | https://* | file://*) word=$1 ;;
  *) word=$(realpath -- "${1-}" 2>/dev/null) || word=${1-} ;;
esac
dbus-send --session --print-reply --dest=org.freedesktop.impl.portal.desktop.guicontainer \
  /org/freedesktop/portal/desktop org.guicontainer.Host.Open "string:$word" >/dev/null 2>&1 && exit
# The container's xdg-open has called this again: nothing here can open it.
[ "${GUI_CONTAINER_OPENED-.}" != "$word" ] || exit 3
export GUI_CONTAINER_OPENED="$word"
exec /usr/bin/xdg-open "$@"
END
  chmod 700 "$RUNTIME_DIRECTORY/bin/xdg-open"
  # For apps that do not use xdg-open.
  printf '[Desktop Entry]\nType=Application\nName=Host\nNoDisplay=true\nExec=%s %%u\n' \
    "$RUNTIME_DIRECTORY/bin/xdg-open" >"$data/applications/gui-container.desktop"
  export PATH="$RUNTIME_DIRECTORY/bin:$PATH" XDG_DATA_DIRS="$data:${XDG_DATA_DIRS:-/usr/local/share:/usr/share}"
fi
if [ "$channels" ] && [ -d /usr/lib/python3/dist-packages/gi ]; then
  [ -e "$RUNTIME_DIRECTORY/agent.py" ] || printf '%s\n' "$agent" >"$RUNTIME_DIRECTORY/agent.py"
  # The bus activates this script in place of the agent. While a run's agent is on its way, this waits, and so do calls.
  # It wakes a sleeping agent by a signal to its session.sh. If there is none, it becomes an agent without a host's end.
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
# Its dialogs start in the current directory: the home.
cd
exec /usr/bin/python3 "$RUNTIME_DIRECTORY/agent.py" "" "" "" "" $channels >/dev/null
END
  for name in org.freedesktop.impl.portal.desktop.guicontainer $bus_names; do
    printf '[D-BUS Service]\nName=%s\nExec=/bin/sh %s/start_agent\n' "$name" "$RUNTIME_DIRECTORY" \
      >"$data/dbus-1/services/$name.service"
  done
fi
if [ "$channels" ] && [ -x /usr/libexec/xdg-desktop-portal ] && [ -d /usr/lib/python3/dist-packages/gi ]; then
  # xdg-desktop-portal then looks only there: no other backend answers.
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
