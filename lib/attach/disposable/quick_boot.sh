#!/bin/sh
# quick_boot.sh
# A generator of a disposable copy's systemd: what it writes to its second directory comes before all other units.

# These do nothing for a container, or for one that lives no longer than an app.
for unit in dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount sys-kernel-config.mount \
  sys-kernel-debug.mount sys-kernel-tracing.mount proc-sys-fs-binfmt_misc.automount modprobe@.service \
  ifupdown-pre.service unattended-upgrades.service systemd-binfmt.service systemd-journal-flush.service \
  systemd-remount-fs.service systemd-tmpfiles-setup-dev.service systemd-tmpfiles-setup-dev-early.service; do
  ln -s /dev/null "$2/$unit"
done

# Debian's waits for the network: with ifupdown, until there is an address. The user's systemd waits for this.
cat >"$2/systemd-user-sessions.service" <<'END'
[Unit]
Description=Permit User Sessions
After=nss-user-lookup.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/rm -f /run/nologin
END
