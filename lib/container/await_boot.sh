# shellcheck shell=sh
# await_boot.sh
# Waits, as root in a container, until its user can log in: "systemctl start" returns once systemd has started a unit.
# Value in front: has_network is "yes" for a container with a network, where this also waits for sshd, and up to half a minute
# for an address: by IPv6 alone, it comes after the network is said to be online.
: "${has_network?}"
# Just after the start systemd does not answer yet.
until systemctl is-system-running 2>/dev/null | grep -qvx offline; do sleep 0.05; done
if [ "$has_network" ]; then
  systemctl start network-online.target
  tries=0
  until ip -oneline address show scope global -tentative | grep -q inet || [ "$tries" -ge 300 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  # Ubuntu 24.04 starts sshd by its socket.
  systemctl start ssh.socket 2>/dev/null || systemctl start ssh.service
else
  systemctl start systemd-user-sessions.service
fi
