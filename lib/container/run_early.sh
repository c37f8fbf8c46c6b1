# shellcheck shell=sh
# run_early.sh
# Runs its parameters as the container's user once that user's systemd listens. Root runs this during the boot.
#
# Values in front:
#   uid, gid, home  of the user
#   waits           empty: run nothing if that systemd does not listen yet
: "${uid:?}" "${gid:?}" "${home:?}" "${waits?}"
# A second try waits for the first; so does the script that undoes the first. The user cannot open this file.
exec 9</root
flock 9
tries=0
while
  # The caller may have ended meanwhile: then nobody would undo this.
  kill -0 "$PPID" 2>/dev/null || exit 1
  [ ! -S "/run/user/$uid/systemd/private" ]
do
  # The holder of the lock before has run nothing either.
  [ "$waits" ] || exit 0
  tries=$((tries + 1))
  # The boot may not start it by itself.
  [ "$tries" != 1500 ] || systemctl start "user@$uid.service" || exit 1
  [ "$tries" -lt 3000 ] || exit 1
  sleep 0.02
done
# As a login by SSH starts.
export HOME="$home"
# shellcheck disable=SC2016 # The inner shell expands these.
exec setpriv --reuid="$uid" --regid="$gid" --init-groups /bin/sh -c 'cd; exec "$@"' sh "$@"
