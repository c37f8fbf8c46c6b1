# shellcheck shell=sh
# file_dialogs.sh
# After offer_portals.sh, for dialogs of apps: has toolkits ask the portal.
if [ "${XDG_DESKTOP_PORTAL_DIR-}" ]; then
  # GTK 3 and Firefox; GTK 4; Qt, where that plugin is there. The bus starts without the first: xdg-desktop-portal would
  # ask itself.
  export GTK_USE_PORTAL=1 GDK_DEBUG="${GDK_DEBUG:+$GDK_DEBUG,}portals"
  for plugin in /usr/lib/*/qt[56]/plugins/platformthemes/libqxdgdesktopportal.so; do
    [ ! -e "$plugin" ] || export QT_QPA_PLATFORMTHEME="${QT_QPA_PLATFORMTHEME:-xdgdesktopportal}"
  done
fi
