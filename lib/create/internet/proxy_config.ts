/**
 * The rules of a proxy: it allows only hosts that the user names, and only addresses on the Internet. They become
 * settings of the distribution's squid in the proxy's container.
 */

import ianaRanges from "./special_ranges.json" with { type: "json" };
import confineScript from "./confine_proxy.sh" with { type: "text" };
import serviceConf from "./squid.service.conf" with { type: "text" };
import squidConf from "./squid.conf" with { type: "text" };
import { withValues } from "../../base/shell_words.ts";
import { inputError } from "../../base/errors.ts";
import { listIn, tableIn, textIn, textsIn } from "../../engine/answer.ts";
import type { Host } from "../../base/host.ts";
import { type Engine, query } from "../../engine/engine.ts";

/** The proxy's port, in its own container and in those that use it. */
export const proxyPort = 3128;

export interface ProxyRules {
  /** Ranges of IPv4 addresses to refuse. */
  ranges: readonly string[];
  /** The names of the hosts to allow, as for squid's `dstdomain`; empty for any. */
  hosts: readonly string[];
}

/**
 * The user-data of a proxy's container: a cloud-config. The distribution's own squid settings stay unchanged, so that
 * updates replace them.
 */
export function proxyUserData(rules: ProxyRules): string {
  const files = {
    "/etc/squid/gui-container.conf": squidConfig(rules),
    "/etc/squid/gui-container.sh": withValues(confineScript, { ranges: rules.ranges.join(" ") }),
    "/etc/systemd/system/squid.service.d/gui-container.conf": withoutComments(serviceConf),
  };
  const config = {
    apt: { conf: 'APT::Install-Recommends "false";' },
    write_files: Object.entries(files).map(([path, content]) => ({ path, content })),
    package_update: true,
    packages: ["iproute2", "squid", "unattended-upgrades"],
  };
  return `#cloud-config\n${JSON.stringify(config)}\n`;
}

/**
 * The settings of squid (its documentation, "squid.conf"). `dst` matches if any of the addresses that a name resolves
 * to matches; squid 6.13 then connects to one of these, without another lookup. Without `-n`, `dstdomain` would trust
 * the reverse lookup of an address.
 */
export function squidConfig({ ranges, hosts }: ProxyRules): string {
  const listed = hosts.length > 0 ? `acl hosts dstdomain -n ${hosts.join(" ")}\nhttp_access deny !hosts\n` : "";
  return withoutComments(squidConf).replace("RANGES", ranges.join(" ")).replace("HOSTS\n", listed);
}

function withoutComments(text: string): string {
  return text.replace(/^#.*\n/gm, "");
}

/**
 * Parses a comma-separated list of host names. A name with a leading dot matches itself and all names below it.
 *
 * @returns the names without those that another covers, sorted, so that equal lists share a proxy
 * @throws {UserError} exit code 2 for anything but a name, such as an address
 */
export function parseHosts(text: string): string[] {
  const names = text.toLowerCase().split(",");
  for (const name of names) {
    if (/^\.?([a-z0-9_-]+\.)*[a-z][a-z0-9-]*$/.test(name) && name.length <= 253) continue;
    throw inputError(
      `"${name}" is not the name of a host`,
      "Write names with commas between them, such as example.org,.debian.org: a dot in front stands for all names below",
    );
  }
  const covers = (other: string, name: string): boolean =>
    other.startsWith(".") && other !== name && `.${name}`.endsWith(other);
  return [...new Set(names)].filter((name) => !names.some((other) => covers(other, name))).sort();
}

/**
 * The IPv4 ranges that are not globally reachable (IANA IPv4 Special-Purpose Address Registry), multicast, and the
 * reserved range above it. The proxy has no IPv6, where the local network's machines have global addresses.
 */
export const specialRanges: readonly string[] = ianaRanges;

/**
 * The IPv4 networks that the engine's machine has a card in, except those in {@linkcode specialRanges}: they have
 * global addresses, but belong to the machine and its neighbours.
 */
export async function hostRanges(host: Host, engine: Engine): Promise<string[]> {
  // A project with networks of its own does not list the machine's cards; a restricted user cannot see other projects.
  const machine = { ...engine, server: { ...engine.server, project: "default" } };
  const ask = (path: string): Promise<unknown> => query(host, machine, path).catch(() => query(host, engine, path));
  const paths = textsIn(await ask("/1.0/networks"));
  const ranges = await Promise.all(paths.map(async (path) => {
    const name = path.split("?")[0]!.split("/").at(-1)!;
    const { addresses } = tableIn(await ask(`/1.0/networks/${name}/state`));
    return listIn(addresses).map(tableIn).filter(({ family, scope }) => family === "inet" && scope === "global")
      .map(({ address, netmask }) => networkOf(textIn(address), Number(netmask)));
  }));
  return [...new Set(ranges.flat())].filter((range) => !specialRanges.some((special) => isInRange(range, special)))
    .sort();
}

function isInRange(range: string, other: string): boolean {
  const [address, bits] = range.split("/") as [string, string];
  const otherBits = Number(other.split("/")[1]);
  return Number(bits) >= otherBits && networkOf(address, otherBits) === other;
}

/** The network of an IPv4 address, in CIDR notation: `ADDRESS/BITS`. */
export function networkOf(address: string, bits: number): string {
  const bytes = address.split(".").map((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - 8 * index));
    return Number(byte) & (0xff00 >> kept) & 0xff;
  });
  return `${bytes.join(".")}/${bits}`;
}
