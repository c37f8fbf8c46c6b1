# shellcheck shell=sh
# tray/session.sh
# After offer_portals.sh. Toolkits look for a tray only once: the app waits until it exists, see run_app.sh.
[ -z "$shown" ] || [ ! -e "$RUNTIME_DIRECTORY/start_agent" ] || : >"$RUNTIME_DIRECTORY/await_tray"
