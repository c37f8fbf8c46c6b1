# shellcheck shell=sh
# generalize.sh
# Removes a container's identity (host keys, machine id, histories), as root in it, before an image is made from it.
# cloud-init makes a new identity in each container made from the image.
set -eu
apt-get clean 2>/dev/null || true
cloud-init clean --logs --seed
rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id
: >/etc/machine-id
rm -f /root/.bash_history
awk -F: '$3 >= 1000 && $3 <= 60000 { print $6 }' /etc/passwd | while read -r home; do
  rm -f "$home/.bash_history" "$home/.ssh/authorized_keys"
done
