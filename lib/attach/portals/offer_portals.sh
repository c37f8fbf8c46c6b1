# shellcheck shell=sh
# offer_portals.sh
# Behind serve_session.sh: tells the session's bus and apps of what agent.py answers. Where the container lacks what that
# needs, all stays as it is without; start_agent.sh tells the host's end so.
#
# Values in front, "yes" or empty:
#   dialogs  the app's own dialogs reach the host
#   links    links reach the host, by the agent
: "${dialogs?}" "${links?}"
if [ "$dialogs" ] && [ -x /usr/libexec/xdg-desktop-portal ] && [ -d /usr/lib/python3/dist-packages/gi ]; then
  # The only place in which xdg-desktop-portal then looks: no other backend answers.
  export XDG_DESKTOP_PORTAL_DIR="$RUNTIME_DIRECTORY/portals"
  mkdir "$XDG_DESKTOP_PORTAL_DIR"
  printf '[preferred]\ndefault=guicontainer\n' >"$XDG_DESKTOP_PORTAL_DIR/portals.conf"
  {
    printf '[portal]\nDBusName=org.freedesktop.impl.portal.desktop.guicontainer\nInterfaces='
    printf 'org.freedesktop.impl.portal.%s;' FileChooser Print Notification Settings
    echo
  } >"$XDG_DESKTOP_PORTAL_DIR/guicontainer.portal"
  # What calls the agent before it is there waits for it, for a while.
  mkdir -p "$RUNTIME_DIRECTORY/data/dbus-1/services"
  {
    printf '[D-BUS Service]\nName=org.freedesktop.impl.portal.desktop.guicontainer\n'
    echo 'Exec=/bin/sh -c "sleep 20; exit 1"'
  } >"$RUNTIME_DIRECTORY/data/dbus-1/services/guicontainer.service"
  # GTK 3 and Firefox; GTK 4; Qt, where that plugin is there. The bus starts without the first: xdg-desktop-portal would
  # ask itself.
  export GTK_USE_PORTAL=1 GDK_DEBUG="${GDK_DEBUG:+$GDK_DEBUG,}portals"
  for plugin in /usr/lib/*/qt[56]/plugins/platformthemes/libqxdgdesktopportal.so; do
    [ ! -e "$plugin" ] || export QT_QPA_PLATFORMTHEME="${QT_QPA_PLATFORMTHEME:-xdgdesktopportal}"
  done
fi
if [ "$links" ]; then
  mkdir "$RUNTIME_DIRECTORY/bin"
  cat >"$RUNTIME_DIRECTORY/bin/xdg-open" <<'END'
#!/bin/sh
# Opens a link on the host, and anything else here.
case ${1-} in
  http://* | https://*)
    exec dbus-send --session --print-reply --dest=org.freedesktop.impl.portal.desktop.guicontainer \
      /org/guicontainer/Links org.guicontainer.Links.Open "string:$1" >/dev/null
    ;;
esac
PATH=${PATH#"${0%/*}:"} exec xdg-open "$@"
END
  chmod 700 "$RUNTIME_DIRECTORY/bin/xdg-open"
  export PATH="$RUNTIME_DIRECTORY/bin:$PATH" BROWSER="$RUNTIME_DIRECTORY/bin/xdg-open"
fi
