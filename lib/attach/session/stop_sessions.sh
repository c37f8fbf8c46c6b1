# shellcheck shell=sh
# stop_sessions.sh
# Stops sessions, as the container user; the socket of each goes with it. The parameters are their names.
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
for session; do
  systemctl --user stop "gui-container-$session.service"
done
