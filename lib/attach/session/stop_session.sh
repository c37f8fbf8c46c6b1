# shellcheck shell=sh
# stop_session.sh
# ExecStop= of a session: asks its app to close its windows, sends it SIGTERM, then waits for the session's main
# process, which ends with the app. systemd kills the rest after TimeoutStopSec=.
[ "$MAINPID" ] || exit 0
echo "The session is stopped"
# For run_on_either.sh: a stopped app has not failed.
: >"$RUNTIME_DIRECTORY/stopped"
await_end() {
  timeout "$1" tail --pid="$MAINPID" --sleep-interval=0.05 -f /dev/null
}
# As at a logout: an app that is killed with open windows takes that for a crash. On Wayland, the guard has asked them.
if [ -e "$RUNTIME_DIRECTORY/close_windows.py" ] && [ -e "$RUNTIME_DIRECTORY/environment" ]; then
  # shellcheck source=/dev/null
  (. "$RUNTIME_DIRECTORY/environment" && exec python3 "$RUNTIME_DIRECTORY/close_windows.py") && await_end 3 && exit
fi
# Signals all of its processes while the display exists: LibreOffice's first process does not tell the other, and kate's
# has ended.
started=$(grep -lsz '^GUI_CONTAINER_STARTED=' /proc/[0-9]*/environ)
for process in $started; do
  process=${process%/environ}
  ! cmp -s "$process/cgroup" "/proc/$MAINPID/cgroup" || kill "${process#/proc/}"
done
await_end 4
