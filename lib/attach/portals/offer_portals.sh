# shellcheck shell=sh
# offer_portals.sh
# Behind serve_session.sh: tells the session's bus and apps of the portals that agent.py answers. Where the container lacks
# what that needs, all stays as it is without; start_agent.sh tells the host's end so.
if [ -x /usr/libexec/xdg-desktop-portal ] && [ -d /usr/lib/python3/dist-packages/gi ]; then
  # The only place in which xdg-desktop-portal then looks: no other backend answers.
  export XDG_DESKTOP_PORTAL_DIR="$RUNTIME_DIRECTORY/portals"
  mkdir "$XDG_DESKTOP_PORTAL_DIR"
  printf '[preferred]\ndefault=guicontainer\n' >"$XDG_DESKTOP_PORTAL_DIR/portals.conf"
  prefix=org.freedesktop.impl.portal
  printf '[portal]\nDBusName=%s\nInterfaces=%s;%s;\n' "$prefix.desktop.guicontainer" "$prefix.FileChooser" \
    "$prefix.Settings" >"$XDG_DESKTOP_PORTAL_DIR/guicontainer.portal"
  # GTK 3 and Firefox; GTK 4; Qt, where that plugin is there.
  export GTK_USE_PORTAL=1 GDK_DEBUG="${GDK_DEBUG:+$GDK_DEBUG,}portals"
  for plugin in /usr/lib/*/qt[56]/plugins/platformthemes/libqxdgdesktopportal.so; do
    [ ! -e "$plugin" ] || export QT_QPA_PLATFORMTHEME="${QT_QPA_PLATFORMTHEME:-xdgdesktopportal}"
  done
fi
