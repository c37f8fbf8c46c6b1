# shellcheck shell=sh
# prepare.sh
# Prepares a container for attach.ts and map.ts, as root in it: its user, keys, the directory of mapped files,
# lingering. Reads authorized keys from stdin. Prints the user as NAME:UID:GID:HOME, then the public host keys.
#
# Values in front:
#   wanted       the user's name; empty for the image's own ordinary user
#   otherwise    the name of the user to make if the image has no ordinary one
#   cannot_make  exit status when the user cannot be made
#   shared       "yes" if the container shares directories with the host
: "${wanted?}" "${otherwise:?}" "${cannot_make:?}" "${shared:?}"
set -eu
umask 077

# The image's own user is the first with the uid of an ordinary user, and with a login shell.
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

# If the container is on the same machine, the host's directories are mounted over the last two.
mkdir -p "$home/.ssh" "$home/maps" "$home/.xpra" "$home/share"
cat >"$home/.ssh/authorized_keys"
chmod 755 "$home/maps"
chown -R "$uid:$gid" "$home/.ssh" "$home/maps" "$home/.xpra" "$home/share"

# Bookmarks in the file dialogs of GTK 3 and 4 lead to lent and shared files.
bookmarks=$home/.config/gtk-3.0/bookmarks
if [ ! -e "$bookmarks" ]; then
  mkdir -p "${bookmarks%/*}"
  {
    printf 'file://%s Lent files\n' "$home/maps"
    [ "$shared" != yes ] || printf 'file://%s Share\n' "$home/share"
  } >"$bookmarks"
  chown "$uid:$gid" "$home/.config" "${bookmarks%/*}" "$bookmarks"
fi

# At each login, pam_motd runs these scripts, even if nobody sees their output. Ubuntu has a dozen, some in Python.
chmod a-x /etc/update-motd.d/* 2>/dev/null || true

# With lingering, that user's systemd runs without a login.
loginctl enable-linger "$user"

cat /etc/ssh/ssh_host_*_key.pub
