# shellcheck shell=sh
# uml_disk.sh
# Makes the disk of the ordinary kernel, on this machine, which is faster: /var/lib/incus with a pool, a bridge and the lab's
# image, unpacked. Runs as root in namespaces of its own for mounts, network and processes: all of it is gone when this ends.
#
# Values in front:
#   disk      the file that is the disk
#   metadata  the image's two files
#   rootfs
#   alias     what the image is to be called
: "${disk:?}" "${metadata:?}" "${rootfs:?}" "${alias:?}"
set -eu

# What other daemons have mounted would stay in use by our copy of it.
cut -d " " -f 5 /proc/self/mountinfo | sort -r | while read -r mount; do
  case $mount in
    /run/netns/* | /var/lib/lxd/* | /var/lib/incus/* | */gui-container-lab/*) umount --lazy -- "$mount" ;;
  esac
done
mount -t proc proc /proc
mkfs.btrfs --quiet --force "$disk"
mount -o loop "$disk" /var/lib/incus
for directory in /run/incus /var/log/incus /var/cache/incus; do
  mkdir -p "$directory"
  mount -t tmpfs tmpfs "$directory"
done
ip link set lo up

/usr/libexec/incus/incusd --group incus-admin &
incus admin waitready --timeout 60
incus storage create default btrfs source=/var/lib/incus/storage-pools/default
incus network create incusbr0 ipv4.address=198.18.9.1/24 ipv4.nat=true ipv6.address=none
incus profile device add default root disk path=/ pool=default
incus profile device add default eth0 nic network=incusbr0 name=eth0
incus image import "$metadata" "$rootfs" --alias "$alias"
# The first instance unpacks it into the pool.
incus init "$alias" first
incus delete first
incus admin shutdown --timeout 60
wait
sync
