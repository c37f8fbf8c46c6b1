# shellcheck shell=sh
# stop_session.sh
# ExecStop of a session: asks its app to end, then waits for the session's main process, which ends with it. systemd kills what is
# there after TimeoutStopSec.
[ "$MAINPID" ] || exit 0
echo "The session is stopped"
# For run_on_either.sh: an app that is stopped has not failed.
: >"$RUNTIME_DIRECTORY/stopped"
# All of its processes, while its display is there: LibreOffice's first one does not tell the other, and kate's has ended.
started=$(grep -lsz '^GUI_CONTAINER_STARTED=' /proc/[0-9]*/environ)
for process in $started; do
  process=${process%/environ}
  ! cmp -s "$process/cgroup" "/proc/$MAINPID/cgroup" || kill "${process#/proc/}"
done
timeout 4 tail --pid="$MAINPID" --sleep-interval=0.1 -f /dev/null
