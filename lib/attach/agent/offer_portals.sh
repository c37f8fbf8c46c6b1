# shellcheck shell=sh
# offer_portals.sh
# After serve_session.sh: tells the session's bus and apps of what agent.py answers. Where the container lacks what that
# needs, all stays as it is without; the agent tells the host's end so.
#
# Values in front:
#   channels  what the agent is to serve, each with a space before and after it
#   shown     not empty for a session that the run shows: its agent comes soon
#   agent     agent.py
: "${channels?}" "${shown?}" "${agent:?}"
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
  case $channels in *' links '*)
    export BROWSER="$RUNTIME_DIRECTORY/bin/xdg-open"
    printf '[Default Applications]\nx-scheme-handler/%s=gui-container.desktop\nx-scheme-handler/%s=gui-container.desktop\n' \
      http https >"$data/applications/mimeapps.list"
    ;;
  esac
fi
if [ -d /usr/lib/python3/dist-packages/gi ]; then
  # session.sh runs it as soon as it is there.
  printf '%s\n' "$agent" >"$RUNTIME_DIRECTORY/agent"
  mv "$RUNTIME_DIRECTORY/agent" "$RUNTIME_DIRECTORY/agent.py"
fi
if [ "$channels" ] && [ -d /usr/lib/python3/dist-packages/gi ]; then
  # What is called before the agent is there waits for it: for so long, the bus takes this for the agent that starts. One that sleeps
  # is woken, by a signal to session.sh. Where there is none, this becomes an agent without the host's end.
  # Toolkits look once whether there is a tray: the app waits for that, see run_app.sh.
  case $channels$shown in *' tray '*yes) : >"$RUNTIME_DIRECTORY/await_tray" ;; esac
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
  names=org.freedesktop.impl.portal.desktop.guicontainer
  case $channels in *' notifications '*) names="$names org.freedesktop.Notifications" ;; esac
  for name in $names; do
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
    printf 'org.freedesktop.impl.portal.%s;' FileChooser Print Notification AppChooser Settings
    echo
  } >"$XDG_DESKTOP_PORTAL_DIR/guicontainer.portal"
  case $channels in *' dialogs '* | *' printing '*)
    # GTK 3 and Firefox; GTK 4; Qt, where that plugin is there. The bus starts without the first: xdg-desktop-portal would
    # ask itself.
    export GTK_USE_PORTAL=1 GDK_DEBUG="${GDK_DEBUG:+$GDK_DEBUG,}portals"
    for plugin in /usr/lib/*/qt[56]/plugins/platformthemes/libqxdgdesktopportal.so; do
      [ ! -e "$plugin" ] || export QT_QPA_PLATFORMTHEME="${QT_QPA_PLATFORMTHEME:-xdgdesktopportal}"
    done
    ;;
  esac
fi
