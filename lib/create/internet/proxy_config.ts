/** The software of a proxy's container: the distribution's squid, and its settings. */

import confineScript from "./confine_proxy.sh" with { type: "text" };
import { quoteWord, withValues } from "../../base/shell_words.ts";

/** The port of the proxy, in its own container and in those that use it. */
export const proxyPort = 3128;

/** Where the settings are: the distribution's own file stays as it is, so that updates replace it. */
const [configPath, confinePath] = ["/etc/squid/gui-container.conf", "/etc/squid/gui-container.sh"];

export interface ProxyRules {
  /** Ranges of IPv4 addresses that it refuses. */
  ranges: readonly string[];
  /** The names of the only hosts that it lets pass, as squid's `dstdomain` takes them. Empty: any. */
  hosts: readonly string[];
}

/** The user-data of a proxy's container: a cloud-config. */
export function proxyUserData(rules: ProxyRules): string {
  const files = {
    [configPath]: squidConfig(rules),
    [confinePath]: withValues(confineScript, { ranges: rules.ranges.join(" ") }),
    "/etc/systemd/system/squid.service.d/gui-container.conf": serviceConfig,
  };
  return `#cloud-config\n${
    JSON.stringify({
      apt: { conf: 'APT::Install-Recommends "false";' },
      write_files: Object.entries(files).map(([path, content]) => ({ path, content })),
      package_update: true,
      packages: ["iproute2", "squid", "unattended-upgrades"],
    })
  }\n`;
}

/**
 * squid's settings (its documentation, "squid.conf"). `dst` compares the addresses that a name resolves to, and one of
 * several is enough; squid 6.13 then connects to one of those, without another look-up. Without `-n`, `dstdomain` would
 * believe whoever answers reverse look-ups of an address.
 */
export function squidConfig({ ranges, hosts }: ProxyRules): string {
  const lines = [
    `http_port 127.0.0.1:${proxyPort}`,
    "pid_filename /run/squid/squid.pid",
    "cache_log stdio:/dev/stderr",
    "access_log none",
    "cache deny all",
    "pinger_enable off",
    "shutdown_lifetime 1 second",
    "via off",
    "forwarded_for delete",
    `acl house dst ${ranges.join(" ")}`,
    "acl house dst ipv6",
    "acl tunnel method CONNECT",
    "acl web proto HTTP",
    // squid's own pages show what all containers are fetching.
    "http_access deny manager",
    // Before any look-up: a name that is not on the list could carry something to whoever answers for it.
    ...(hosts.length > 0 ? [`acl hosts dstdomain -n ${hosts.join(" ")}`, "http_access deny !hosts"] : []),
    "http_access deny house",
    "http_access allow tunnel",
    "http_access allow web",
    "http_access deny all",
  ];
  return `${lines.join("\n")}\n`;
}

/** squid without root, even at its start: its own way to give root up keeps a way back. */
const serviceConfig = `[Unit]
Wants=network-online.target
[Service]
User=proxy
NoNewPrivileges=yes
CapabilityBoundingSet=
LimitNOFILE=65536
PIDFile=
ExecStartPre=
ExecStartPre=+/bin/sh ${quoteWord(confinePath)}
ExecStart=
ExecStart=/usr/sbin/squid --foreground -YC -f ${quoteWord(configPath)}
`;
