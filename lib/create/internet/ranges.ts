/** Addresses that are not on the Internet: what a container with the Internet only must not reach. */

import { listIn, tableIn, textIn, textsIn } from "../../engine/answer.ts";
import type { Host } from "../../base/host.ts";
import { type Engine, query } from "../../engine/engine.ts";

/**
 * The ranges of IPv4 that are not globally reachable (IANA IPv4 Special-Purpose Address Registry), with multicast and
 * what is reserved above it. The proxy has no IPv6: there, the house's own machines have addresses like all others.
 */
export const specialRanges: readonly string[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
];

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
