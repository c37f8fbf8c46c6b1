# shellcheck shell=sh
# uml_init.sh
# The first process of the ordinary kernel. Its root is this machine's, read-only, below an overlay in memory, with what this
# machine lacks of an ordinary one; then it runs the steps, and halts.
#
# Arguments:
#   $1  the directory with the packages (root), the kernel (kernel), and the policy for SELinux
#   $2  the checkout, as the lab's user sees it on this machine
#   $3  the home of the lab's user
#   $4  the security module that is in force
#   …   the arguments of the steps
work=$1 checkout=$2 home=$3 security=$4
shift 4
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs -o size=90% tmpfs /mnt
modules=$work/kernel/usr/lib/uml/modules/$(uname -r)
set -- "$work"/root/usr/lib/*-linux-gnu -- "$@"
LD_LIBRARY_PATH=$1 "$work/root/usr/sbin/insmod" "$modules/kernel/fs/overlayfs/overlay.ko"
shift 2
labels=
if [ "$security" = selinux ]; then
  mount -t selinuxfs selinuxfs /sys/fs/selinux
  # The kernel takes it in one piece only.
  dd if="$work/selinux/default/policy/policy.33" of=/sys/fs/selinux/load bs=16M 2>/dev/null
  # Files of this machine have no labels. Without a configuration, mount(8) sets none.
  mount --bind "$work/selinux" /etc/selinux
  labels=context=system_u:object_r:bin_t:s0,fscontext=system_u:object_r:fs_t:s0,
fi
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o "${labels}lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/root || exec /sbin/halt --force

cd /mnt/root || exec /sbin/halt --force
mkdir -p host etc/selinux "lib/modules/$(uname -r)"
mount --move /proc proc
mount --move /sys sys
mount -t devtmpfs devtmpfs dev
mkdir -p dev/pts dev/shm
mount -t devpts -o ptmxmode=666 devpts dev/pts
for directory in dev/shm run tmp; do mount -t tmpfs -o mode=1777 tmpfs "$directory"; done
mkdir -p run/lock run/dbus
ln -s /proc/self/fd dev/fd
mount -t securityfs securityfs sys/kernel/security
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount --bind "$modules" "lib/modules/$(uname -r)"
cp -a "$work/root/." .
ldconfig -r .
# With chroot in its place, AppArmor would see other paths than its profiles name.
pivot_root . host
cd /

# Without nftables' family "inet", Incus takes these.
for name in iptables ip6tables ebtables; do ln -sf "$name-legacy" "/usr/sbin/$name"; done
for module in ipv6 nf_conntrack ip_tables iptable_filter iptable_nat iptable_mangle ip6_tables ip6table_filter ip6table_nat \
  ip6table_mangle ebtables ebtable_filter xt_MASQUERADE xt_comment xt_conntrack xt_CHECKSUM xt_tcpudp \
  iptable_raw ip6table_raw nfnetlink udp_diag veth bridge tun fuse loop; do
  modprobe "$module"
done
hostname uml
ip link set lo up
ip address add 198.18.8.2/30 dev vec0
ip link set vec0 up
ip route add default via 198.18.8.1
# With it, incusd 6.0.4 meets a "bad page map" in this kernel.
sysctl -qw kernel.io_uring_disabled=2

mkdir -p "$checkout"
mount -t hostfs -o "hostfs=$checkout" none "$checkout"
mount /dev/ubda /var/lib/incus
rm -rf /var/log/incus/*

cd "$checkout" || exec /sbin/halt --force
echo up
set -- "$home/.local/bin/deno" run -A --no-check tests/lab/uml_steps.ts "$security" "$@"
if [ "$security" = selinux ]; then
  cp -r "/host$work/selinux/." /etc/selinux
  set -- runcon unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023 "$@"
fi
DENO_DIR=$home/.cache/deno "$@" 2>&1
exec /sbin/halt --force
