/**
 * Finds what blocks an engine's bridge, as far as an ordinary user can see: instances get no address, or reach nothing.
 */

import { configIn, type Device, tableIn } from "./answer.ts";
import { type Engine, engineLine, query } from "./engine.ts";
import { kindOfLxc } from "./server.ts";
import { ifInstalled, type ProcessResult } from "../base/errors.ts";
import type { Host } from "../base/host.ts";

export interface Obstacle {
  /** What it does to the bridge, which it names. */
  what: string;
  /** The command that lets the bridge pass. */
  command: string;
  /** It certainly keeps instances from getting an address. */
  isCertain?: true;
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
 * What blocks, or may block, a bridge of this machine's engine.
 *
 * @param options `ufwConfig`: the file in which ufw says whether it is on
 */
export async function findObstacles(
  host: Host,
  { engine, bridge, ufwConfig = "/etc/ufw/ufw.conf" }: { engine: Engine; bridge: string; ufwConfig?: string },
): Promise<Obstacle[]> {
  const ask = (argv: string[]): Promise<ProcessResult | undefined> =>
    ifInstalled(host.run(argv, { looksOnly: true, okCodes: "any", timeoutMs: askMs })).catch(() => undefined);
  const [zoneOf, docker, dhcp, network, ufw, lxc] = await Promise.all([
    ask(["firewall-cmd", `--get-zone-of-interface=${bridge}`]),
    ask(["find", "/sys/class/net/docker0", "-maxdepth", "0"]),
    ask(["ss", "-Hlun", "sport = :67"]),
    query(host, engine, `/1.0/networks/${bridge}`).catch(() => undefined),
    Deno.readTextFile(ufwConfig).catch(() => ""),
    kindOfLxc(host),
  ]);
  const { managed, config } = tableIn(network);
  const { "ipv4.address": ipv4 = "none", "ipv6.address": ipv6 = "none", "ipv4.dhcp": gives } = configIn(config);
  const listens = new RegExp(`(?:%${RegExp.escape(bridge)}|[ *](?:0\\.0\\.0\\.0)?):67\\b`);
  const isSilent = ipv4 !== "none" && gives !== "false" && dhcp?.code === 0 && !listens.test(dhcp.stdout);
  const isSnap = engine.cli === "lxc" && lxc === "snap";
  const zone = `--permanent --zone=trusted --change-interface=${bridge}`;
  const known: readonly (Obstacle & { isThere: boolean })[] = [{
    isThere: managed === true && ipv4 === "none" && ipv6 === "none",
    what: `The bridge ${bridge} has no addresses to give`,
    command: engineLine(engine, ["network", "set", bridge, "ipv4.address=auto", "ipv4.nat=true"]),
    isCertain: true,
  }, {
    isThere: managed === true && isSilent,
    what: `Nothing gives addresses on ${bridge}: its dnsmasq does not run`,
    command: `sudo systemctl ${isSnap ? "reload snap.lxd.daemon" : `restart ${engine.product.toLowerCase()}`}`,
    isCertain: true,
  }, {
    // 252: it does not run. 2: the bridge is in no zone, and so in the default one. See firewall-cmd(1).
    isThere: zoneOf !== undefined && [0, 2].includes(zoneOf.code) && zoneOf.stdout.trim() !== "trusted",
    what: `firewalld drops the DHCP of ${bridge}, which is not in its zone "trusted"`,
    command: `sudo firewall-cmd ${zone} && sudo firewall-cmd --reload`,
  }, {
    isThere: /^ENABLED=yes/m.test(ufw),
    what: `ufw is on, which drops the DHCP of ${bridge} unless it is told otherwise`,
    command: `sudo ufw allow in on ${bridge} && sudo ufw route allow in on ${bridge} && ` +
      `sudo ufw route allow out on ${bridge}`,
  }, {
    isThere: docker?.code === 0,
    what: `Docker drops what is forwarded from ${bridge}, unless it was started after the engine`,
    command: `sudo iptables -I DOCKER-USER -i ${bridge} -j ACCEPT && sudo iptables -I DOCKER-USER -o ${bridge} ` +
      "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
  }];
  return known.filter(({ isThere }) => isThere);
}

/**
 * How to unblock the network of instances on this machine, in one line; undefined when nothing is known to block it.
 */
export async function networkHint(
  host: Host,
  { engine, devices }: { engine: Engine; devices: Readonly<Record<string, Device>> },
): Promise<string | undefined> {
  const bridge = bridgeOf(devices);
  if (bridge === undefined || !engine.server.isLocal) return undefined;
  const obstacles = await findObstacles(host, { engine, bridge });
  return obstacles.map(({ what, command }) => `${what}: ${command}`).join("; ") || undefined;
}
