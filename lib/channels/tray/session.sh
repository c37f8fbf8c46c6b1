# shellcheck shell=sh
# tray/session.sh
# After offer_portals.sh. Toolkits look once whether there is a tray: the app waits for that, see run_app.sh.
[ -z "$shown" ] || [ ! -e "$RUNTIME_DIRECTORY/start_agent" ] || : >"$RUNTIME_DIRECTORY/await_tray"
