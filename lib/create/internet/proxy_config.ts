/**
 * What a proxy lets pass: the hosts that the user names, and no address that is not on the Internet. The software of its
 * container, the distribution's squid, gets that as its settings.
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

/** The port of the proxy, in its own container and in those that use it. */
export const proxyPort = 3128;

export interface ProxyRules {
  /** Ranges of IPv4 addresses that it refuses. */
  ranges: readonly string[];
  /** The names of the only hosts that it lets pass, as squid's `dstdomain` takes them. Empty: any. */
  hosts: readonly string[];
}

/**
 * The user-data of a proxy's container: a cloud-config. The distribution's own settings of squid stay as they are, so
 * that updates replace them.
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
 * squid's settings (its documentation, "squid.conf"). `dst` compares the addresses that a name resolves to, and one of
 * several is enough; squid 6.13 then connects to one of those, without another look-up. Without `-n`, `dstdomain` would
 * believe whoever answers reverse look-ups of an address.
 */
export function squidConfig({ ranges, hosts }: ProxyRules): string {
  const listed = hosts.length > 0 ? `acl hosts dstdomain -n ${hosts.join(" ")}\nhttp_access deny !hosts\n` : "";
  return withoutComments(squidConf).replace("RANGES", ranges.join(" ")).replace("HOSTS\n", listed);
}

function withoutComments(text: string): string {
  return text.replace(/^#.*\n/gm, "");
}

/**
 * Reads names with commas between them. One with a dot in front stands for all names below it, and for itself.
 *
 * @returns the names without those that another one stands for, sorted: the same list has the same proxy
 * @throws {UserError} exit code 2 for what is not a name, such as an address
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
 * The ranges of IPv4 that are not globally reachable (IANA IPv4 Special-Purpose Address Registry), with multicast and
 * what is reserved above it. The proxy has no IPv6: there, the house's own machines have addresses like all others.
 */
export const specialRanges: readonly string[] = ianaRanges;

/**
 * The networks that the engine's machine has a card in, by IPv4, but for those in {@linkcode specialRanges}: their
 * addresses are like all others on the Internet, and are the machine's own and its neighbours'.
 */
export async function hostRanges(host: Host, engine: Engine): Promise<string[]> {
  // A project with networks of its own does not list the machine's cards; a user of one project may see no other one.
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

/** The network of an IPv4 address, as `ADDRESS/BITS`. */
export function networkOf(address: string, bits: number): string {
  const bytes = address.split(".").map((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - 8 * index));
    return Number(byte) & (0xff00 >> kept) & 0xff;
  });
  return `${bytes.join(".")}/${bits}`;
}
