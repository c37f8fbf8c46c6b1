# shellcheck shell=sh
# uml_policy.sh
# Compiles Debian's policy for SELinux, as root, in a root that is this machine's with the packages of the policy over it. It is
# in memory, and gone with the mounts when this ends.
#
# Values in front:
#   packages  the directory in which they are unpacked
#   selinux   the directory to write, which is to be /etc/selinux
: "${packages:?}" "${selinux:?}"
set -eu
mount -t tmpfs tmpfs /mnt
mkdir /mnt/packages /mnt/upper /mnt/work /mnt/root
cp -a "$packages/." /mnt/packages
mount -t overlay -o lowerdir=/mnt/packages:/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
mount -t proc proc /mnt/root/proc
mkdir -p /mnt/root/var/lib/selinux/default/active/modules
# The newest that Linux 6.12 knows.
echo "policy-version = 33" >>/mnt/root/etc/selinux/semanage.conf
chroot /mnt/root sh -c 'semodule -s default -X 100 -n -i /usr/share/selinux/default/*.pp.bz2'
echo SELINUXTYPE=default >/mnt/root/etc/selinux/config
rm -rf "$selinux"
cp -r /mnt/root/etc/selinux "$selinux"
