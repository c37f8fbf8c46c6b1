# shellcheck shell=sh
# undo_start.sh
# Stops the session that a run has started, as the container user.
# Value in front: the id of that run.
: "${run:?}"
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
systemctl --user list-units --type=service --plain --no-legend 'gui-container-*' | grep " run $run\$" |
  while read -r unit _; do systemctl --user stop "$unit"; done
