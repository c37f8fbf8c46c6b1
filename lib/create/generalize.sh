# shellcheck shell=sh
# Removes a container's identity (host keys, machine id, histories), as root in it, before an image is made of it. In
# each container of the image, cloud-init makes a new one.
set -eu
apt-get clean 2>/dev/null || true
cloud-init clean --logs --seed
rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id
: >/etc/machine-id
rm -f /home/*/.bash_history /root/.bash_history
find /home -mindepth 3 -name authorized_keys -delete
