# shellcheck shell=sh
# await_boot.sh
# Waits, as root in a container, until its user can log in: "systemctl start" returns once systemd has started a unit.
# Values in front: preload has glob patterns of files that the session will read, if any. has_network is "yes" for a
# container with a network: then this also waits for sshd, and for an address, which with IPv6 alone comes after
# network-online.target. It waits for the address five seconds, or half a minute while the system still boots.
: "${preload?}" "${has_network?}"
# Nothing of a copy's disk is in memory yet. Reading whole files is much faster than page by page as programs run.
# shellcheck disable=SC2086 # These are patterns.
[ -z "$preload" ] || cat $preload >/dev/null 2>&1 </dev/null &
# Just after the start, systemd does not answer yet.
until systemctl is-system-running 2>/dev/null | grep -qvx offline; do sleep 0.05; done
if [ "$has_network" ]; then
  systemctl start network-online.target
  tries=0
  until ip -oneline address show scope global -tentative | grep -q inet || [ "$tries" -ge 300 ] ||
    { [ "$tries" -ge 50 ] && ! systemctl is-system-running | grep -qx 'initializing\|starting'; }; do
    tries=$((tries + 1))
    sleep 0.1
  done
  # Ubuntu 24.04 starts sshd by socket activation.
  systemctl start ssh.socket 2>/dev/null || systemctl start ssh.service
else
  systemctl start systemd-user-sessions.service
fi
