# shellcheck shell=sh
# run_app.sh
# After run_on_either.sh: runs the app of a session; the parameters are the app's words. Saves its environment and
# process id for apps that join the session, and waits for those: they hold a lock on the environment's file. outcome.ts
# parses the lines that it prints.
unset TMPDIR XPRA_COMMAND
# The agent removes this file once there is a tray. The agent comes over SSH, and may be as late as the session's bus
# waits.
tries=0
while [ -e "$RUNTIME_DIRECTORY/await_tray" ] && [ "$tries" -lt 900 ]; do
  tries=$((tries + 1))
  sleep 0.02
done
# xpra 6.5.5 takes PATH from /etc/profile: without this, the container's own xdg-open would precede that of
# offer_portals.sh. The same directories as in session.sh.
export PATH="$RUNTIME_DIRECTORY/bin:$PATH:/usr/local/games:/usr/games:$HOME/.local/bin"
export -p >"$RUNTIME_DIRECTORY/environment"
echo "The app is started"
# shellcheck disable=SC2016 # The inner shell expands these: its process id becomes the app's.
run_on_either 1 "$1" /bin/sh -c 'echo $$ >"$RUNTIME_DIRECTORY/pid"; exec "$@"' sh "$@"
status=$?
await_restarted "$RUNTIME_DIRECTORY/pid"
echo "The app ended with exit status $status"
flock --exclusive "$RUNTIME_DIRECTORY/environment" true
exit $status
