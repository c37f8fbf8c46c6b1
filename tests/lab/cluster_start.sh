# shellcheck shell=sh
# Starts an engine's daemon in the network namespace that this runs in, with mounts of its own: when its last process
# ends, its pool's mount and loop device are gone. $1 is its directory; what follows is its command line.
set -eu
dir=$1
shift

# What other daemons and namespaces have mounted would stay in use by our copy of it.
cut -d " " -f 5 /proc/self/mountinfo | sort -r | while read -r mount; do
  case $mount in
    /run/netns/* | /var/lib/lxd/* | /var/lib/incus/* | "${dir%/cluster/*}"/incus7/*) umount --lazy -- "$mount" ;;
  esac
done

# /sys shows the network devices of the namespace in which it was mounted. The control groups lie on top of it.
mkdir -p "$dir/sys" "$dir/shmounts"
mount --rbind /sys "$dir/sys"
mount -t sysfs sysfs /sys
mount --rbind "$dir/sys/fs/cgroup" /sys/fs/cgroup
if [ -d "$dir/sys/kernel/security/apparmor" ]; then
  mount --rbind "$dir/sys/kernel/security" /sys/kernel/security
fi
umount --lazy -- "$dir/sys"

# Devices that are added to a running container come to it through this one, which must be shared, see engines.ts.
mount -t tmpfs -o size=100k,mode=711 tmpfs "$dir/shmounts"
mount --make-shared "$dir/shmounts"

exec "$@"
