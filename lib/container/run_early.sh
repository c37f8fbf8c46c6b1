# shellcheck shell=sh
# run_early.sh
# Runs the parameters as the container's user, as soon as that user's systemd listens. Root runs this while the container boots.
#
# Values in front:
#   uid, gid, home  of the user
#   waits           empty: where that systemd does not listen yet, nothing is run
: "${uid:?}" "${gid:?}" "${home:?}" "${waits?}"
# A second try waits for the first, and what takes it back as well. The user cannot open this.
exec 9</root
flock 9
tries=0
while
  # Who has asked for this may be gone meanwhile: nobody would take it back.
  kill -0 "$PPID" 2>/dev/null || exit 1
  [ ! -S "/run/user/$uid/systemd/private" ]
do
  # What has had the lock before has run nothing either.
  [ "$waits" ] || exit 0
  tries=$((tries + 1))
  # It may not be started by the boot.
  [ "$tries" != 1500 ] || systemctl start "user@$uid.service" || exit 1
  [ "$tries" -lt 3000 ] || exit 1
  sleep 0.02
done
# As SSH would begin.
export HOME="$home"
# shellcheck disable=SC2016 # The inner shell expands these.
exec setpriv --reuid="$uid" --regid="$gid" --init-groups /bin/sh -c 'cd; exec "$@"' sh "$@"
