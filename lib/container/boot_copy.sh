# shellcheck shell=sh
# boot_copy.sh
# A systemd generator (systemd.generator(7)) for a container's copy, run at each boot. It has the name of cloud-init's
# generator, and so replaces it: cloud-init would take the copy for a new machine, and install all software again. Units
# that a generator writes to its second directory ($2) override all others.
#
# Values in front:
#   key, public_key  the SSH host key of the copy, with \n for newlines; empty for one that keeps those of its origin
: "${key?}" "${public_key?}"

# Units that are useless in a container, or in one that lives no longer than an app. An empty file masks a unit.
for unit in dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount sys-kernel-config.mount \
  sys-kernel-debug.mount sys-kernel-tracing.mount proc-sys-fs-binfmt_misc.automount modprobe@.service \
  ifupdown-pre.service unattended-upgrades.service systemd-binfmt.service systemd-journal-flush.service \
  systemd-remount-fs.service systemd-tmpfiles-setup-dev.service systemd-tmpfiles-setup-dev-early.service \
  cloud-init.target timers.target; do
  : >"$2/$unit"
done

# Debian's unit waits for the network: with ifupdown, until there is an address. The user's systemd waits for this unit.
printf '%s\n' '[Unit]' 'Description=Permit User Sessions' 'After=nss-user-lookup.target' \
  '[Service]' 'Type=oneshot' 'RemainAfterExit=yes' 'ExecStart=/bin/rm -f /run/nologin' >"$2/systemd-user-sessions.service"

# Turns off the sandboxing of journald and logind: it takes most of logind's start, for which the user's systemd waits,
# and a copy has nothing to protect that outlives them.
mkdir "$2/systemd-journald.service.d" "$2/systemd-logind.service.d"
for unit in journald logind; do
  printf '%s\n' '[Service]' SystemCallFilter= SystemCallArchitectures= RestrictAddressFamilies= RestrictNamespaces=no \
    RestrictRealtime=no RestrictSUIDSGID=no LockPersonality=no MemoryDenyWriteExecute=no PrivateTmp=no ProtectClock=no \
    ProtectControlGroups=no ProtectHome=no ProtectHostname=no ProtectKernelLogs=no ProtectKernelModules=no ProtectSystem=no \
    IPAddressDeny= DeviceAllow= >"$2/systemd-$unit.service.d/gui-container.conf"
done

# Generators may write to /run only; systemd-tmpfiles does the rest. sshd and networking.service start after it.
run=${2%/*/*}
mkdir -p "$run/tmpfiles.d" "$2/networking.service.d"
printf '%s\n' '[Unit]' 'After=systemd-tmpfiles-setup.service' >"$2/networking.service.d/gui-container.conf"
umask 077
{
  # dhclient would first ask for the address of the origin, and be refused.
  printf 'r %s\n' /var/lib/dbus/machine-id /var/lib/dhcp/dhclient.eth0.leases
  # Replaces the origin's keys of every type. One key fills all files: sshd takes the type from the key itself.
  [ -z "$key" ] || for type in ed25519 ecdsa rsa dsa; do
    printf 'f+ /etc/ssh/ssh_host_%s 0600 - - - %s\n' "${type}_key" "$key" "${type}_key.pub" "$public_key"
  done
} >"$run/tmpfiles.d/gui-container.conf"
