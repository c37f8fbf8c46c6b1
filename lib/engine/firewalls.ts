/** Firewalls of this host that keep an engine's bridge from working: the instances get no address, or no further. */

import { ifInstalled, type ProcessResult } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import type { Device } from "./answer.ts";

/** A firewall that may be in the way. */
export interface Firewall {
  /** What it does, on which bridge. */
  what: string;
  /** The command that lets the bridge pass. */
  command: string;
}

/** How long a question may take, in milliseconds. */
const askMs = 5_000;

/** The bridge of the first network card among these devices; undefined when there is none with a plain name. */
export function bridgeOf(devices: Readonly<Record<string, Device>>): string | undefined {
  const card = Object.values(devices).find(({ type }) => type === "nic");
  const bridge = card?.network ?? card?.parent;
  return bridge !== undefined && /^\w[\w.-]{0,14}$/.test(bridge) ? bridge : undefined;
}

/**
 * The firewalls that may be in the way of a bridge, which are named as far as an ordinary user can see them.
 *
 * @param options `ufwConfig`: the file in which ufw says whether it is on
 */
export async function findFirewalls(
  host: Host,
  bridge: string,
  { ufwConfig = "/etc/ufw/ufw.conf" }: { ufwConfig?: string } = {},
): Promise<Firewall[]> {
  const ask = (argv: string[]): Promise<ProcessResult | undefined> =>
    ifInstalled(host.run(argv, { looksOnly: true, okCodes: "any", timeoutMs: askMs })).catch(() => undefined);
  const [zoneOf, docker, ufw] = await Promise.all([
    ask(["firewall-cmd", `--get-zone-of-interface=${bridge}`]),
    ask(["find", "/sys/class/net/docker0", "-maxdepth", "0"]),
    Deno.readTextFile(ufwConfig).catch(() => ""),
  ]);
  const found: Firewall[] = [];
  // 252: it does not run. 2: the bridge is in no zone, and so in the default one. See firewall-cmd(1).
  if (zoneOf && (zoneOf.code === 0 || zoneOf.code === 2) && zoneOf.stdout.trim() !== "trusted") {
    const zone = `--permanent --zone=trusted --change-interface=${bridge}`;
    found.push({
      what: `firewalld drops the DHCP of ${bridge}, which is not in its zone "trusted"`,
      command: `sudo firewall-cmd ${zone} && sudo firewall-cmd --reload`,
    });
  }
  if (/^ENABLED=yes/m.test(ufw)) {
    found.push({
      what: `ufw is on, which drops the DHCP of ${bridge} unless it is told otherwise`,
      command: `sudo ufw allow in on ${bridge} && sudo ufw route allow in on ${bridge} && ` +
        `sudo ufw route allow out on ${bridge}`,
    });
  }
  if (docker?.code === 0) {
    found.push({
      what: `Docker drops what is forwarded from ${bridge}, unless it was started after the engine`,
      command: `sudo iptables -I DOCKER-USER -i ${bridge} -j ACCEPT && sudo iptables -I DOCKER-USER -o ${bridge} ` +
        "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    });
  }
  return found;
}

/** What to do about the firewalls on this host, in one line; undefined when none is known to be there. */
export async function firewallHint(
  host: Host,
  devices: Readonly<Record<string, Device>>,
): Promise<string | undefined> {
  const bridge = bridgeOf(devices);
  const found = bridge === undefined ? [] : await findFirewalls(host, bridge);
  return found.length === 0 ? undefined : found.map(({ what, command }) => `${what}: ${command}`).join("; ");
}
