# shellcheck shell=sh
# run_early.sh
# Runs the parameters as the container's user, as soon as that user's systemd listens. Root runs this while the container boots.
#
# Values in front:
#   uid, gid  of the user
: "${uid:?}" "${gid:?}"
# A second try waits for the first, and what takes it back as well.
exec 9</run
flock 9
tries=0
until [ -S "/run/user/$uid/systemd/private" ]; do
  tries=$((tries + 1))
  # It may not be started by the boot.
  [ "$tries" != 1500 ] || systemctl start "user@$uid.service" || exit
  sleep 0.02
done
exec setpriv --reuid="$uid" --regid="$gid" --init-groups "$@"
