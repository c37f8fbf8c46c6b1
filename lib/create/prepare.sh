# shellcheck shell=sh
# prepare.sh
# Prepares a container for attach.ts and map.ts, as root in it: its user, keys, the directory of mapped files, lingering. Reads
# the authorized keys from stdin. Prints the user as NAME:UID:GID:HOME, then the public host keys.
#
# Values in front:
#   wanted       the user's name; empty for the image's own ordinary user
#   otherwise    the name of the user to make if the image has no ordinary one
#   cannot_make  exit status when the user cannot be made
#   shared       "yes" if the container shares directories with the host
: "${wanted?}" "${otherwise:?}" "${cannot_make:?}" "${shared:?}"
set -eu
umask 077

# The image's own user is the first with the uid of an ordinary one, and with a shell to log in.
[ "$wanted" ] || wanted=$(
  awk -F: '$3 >= 1000 && $3 <= 60000 && $7 !~ /\/(nologin|false)$/ { print $3, $1 }' /etc/passwd | sort -n |
    sed -n '1s/^[^ ]* //p'
)
user=${wanted:-$otherwise}
getent passwd "$user" >/dev/null ||
  useradd --create-home --shell "$(command -v bash || echo /bin/sh)" "$user" || exit "$cannot_make"
IFS=: read -r user _ uid gid _ home _ <<END
$(getent passwd "$user")
END
printf '%s:%s:%s:%s\n' "$user" "$uid" "$gid" "$home"

# The host's directories take the place of the last two, where the container is on the same machine.
mkdir -p "$home/.ssh" "$home/maps" "$home/.xpra" "$home/share"
cat >"$home/.ssh/authorized_keys"
chmod 755 "$home/maps"
chown -R "$uid:$gid" "$home/.ssh" "$home/maps" "$home/.xpra" "$home/share"

# Dialogs that apps of GTK 3 and 4 show themselves lead to what the host lends.
bookmarks=$home/.config/gtk-3.0/bookmarks
if [ ! -e "$bookmarks" ]; then
  mkdir -p "${bookmarks%/*}"
  {
    printf 'file://%s Lent files\n' "$home/maps"
    [ "$shared" != yes ] || printf 'file://%s Share\n' "$home/share"
  } >"$bookmarks"
  chown "$uid:$gid" "$home/.config" "${bookmarks%/*}" "$bookmarks"
fi

# At each login pam_motd runs these scripts, whatever becomes of what they print. Ubuntu has a dozen, some of them in Python.
chmod a-x /etc/update-motd.d/* 2>/dev/null || true

# With lingering, the systemd of that user runs without a login.
loginctl enable-linger "$user"

cat /etc/ssh/ssh_host_*_key.pub
