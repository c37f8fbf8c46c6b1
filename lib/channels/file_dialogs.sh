# shellcheck shell=sh
# file_dialogs.sh
# After offer_portals.sh: makes toolkits ask the portal for dialogs.
if [ "${XDG_DESKTOP_PORTAL_DIR-}" ]; then
  # For GTK 3 and Firefox; for GTK 4; for Qt, if it has that plugin. The bus starts without the first, or xdg-desktop-portal would
  # ask itself.
  export GTK_USE_PORTAL=1 GDK_DEBUG="${GDK_DEBUG:+$GDK_DEBUG,}portals"
  for plugin in /usr/lib/*/qt[56]/plugins/platformthemes/libqxdgdesktopportal.so; do
    [ ! -e "$plugin" ] || export QT_QPA_PLATFORMTHEME="${QT_QPA_PLATFORMTHEME:-xdgdesktopportal}"
  done
fi
