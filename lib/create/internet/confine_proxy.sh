# shellcheck shell=sh
# confine_proxy.sh
# Lets the kernel refuse, for the proxy's user, what squid itself refuses: if squid is deceived or taken over, these addresses
# still cannot be reached. Runs as root before squid starts. (nft would need modules of the host's kernel, systemd's
# IPAddressDeny= privileges.)
# Value in front: the ranges of addresses, with a space between two.
: "${ranges:?}"
set -eu
user=$(id -u proxy)
for priority in 100 200; do
  while ip rule del priority "$priority" 2>/dev/null; do :; done
done
sed -n 's/^nameserver  *\([0-9.]*\)$/\1/p' /etc/resolv.conf | while read -r server; do
  for protocol in udp tcp; do
    ip rule add priority 100 uidrange "$user-$user" to "$server" ipproto "$protocol" dport 53 lookup main
  done
done
for range in $ranges; do
  ip rule add priority 200 uidrange "$user-$user" to "$range" unreachable
done
