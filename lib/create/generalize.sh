# shellcheck shell=sh
# Removes what makes a container itself, as root in it, before an image is made of it: cloud-init makes it anew in each
# container of the image.
set -eu
apt-get clean 2>/dev/null || true
cloud-init clean --logs --seed
rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id
: >/etc/machine-id
rm -f /home/*/.bash_history /root/.bash_history
find /home -mindepth 3 -name authorized_keys -delete
