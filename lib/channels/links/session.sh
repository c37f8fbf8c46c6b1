# shellcheck shell=sh
# links/session.sh
# After offer_portals.sh: makes apps open links with the session's xdg-open.
export BROWSER="$RUNTIME_DIRECTORY/bin/xdg-open"
printf '[Default Applications]\nx-scheme-handler/%s=gui-container.desktop\nx-scheme-handler/%s=gui-container.desktop\n' \
  http https >"$RUNTIME_DIRECTORY/data/applications/mimeapps.list"
