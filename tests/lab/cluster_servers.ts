/**
 * The servers beside the lab's own engines, each in a network namespace as on a machine of its own: started and killed.
 */

import { fromFileUrl, join } from "@std/path";
import { UserError } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { exists } from "./files.ts";
import { daemonLog, killAll, launchDaemon, logTail, socketAnswers, until } from "./daemons.ts";
import { engineFacts, query, waitReady } from "./engines.ts";
import { clusterDir, type LabEngine } from "./state.ts";

/** What is to be known of a server. */
interface ServerFacts {
  engine: LabEngine;
  /** The part of the lab that it belongs to. */
  part: "cluster" | "far" | "lxdfar";
  /** The last byte of its address, 198.18.N.HOST. */
  host: number;
}

/** The servers, by name. */
export const serverFacts = {
  m1: { engine: "incus", part: "cluster", host: 11 },
  m2: { engine: "incus", part: "cluster", host: 12 },
  m3: { engine: "incus", part: "cluster", host: 13 },
  far: { engine: "incus7", part: "far", host: 21 },
  lxdfar: { engine: "lxc", part: "lxdfar", host: 31 },
} as const satisfies Readonly<Record<string, ServerFacts>>;

/** The name of a server, which is that of its remote as well. */
export type ServerName = keyof typeof serverFacts;

/** The names of the servers. */
export const serverNames = Object.keys(serverFacts) as ServerName[];

/** The members of the cluster, the first one first. */
export const memberNames = ["m1", "m2", "m3"] as const;

/** The bridge on the host that all servers are connected to. */
export const hostBridge = "guilab-cluster";

/** The third byte of the preferred subnet of that bridge. */
export const preferredSubnet = 4;

/** How a link behaves. */
export interface Link {
  /** What a round trip takes at least, in milliseconds. */
  roundTripMs: number;
  /** In either direction, in megabits a second; 0: as fast as it goes. */
  rateMbit: number;
  /** Nothing comes through. */
  drop: boolean;
}

/** Where a server keeps its state. */
export function serverDir(server: ServerName): string {
  return join(clusterDir(), server);
}

/** A server's address, as the host sees it. */
export function serverAddress(server: ServerName, subnet: number): string {
  return `198.18.${subnet}.${serverFacts[server].host}`;
}

/** The environment in which the client and the daemon of a server's engine mean this server, as root. */
export function serverEnvironment(server: ServerName): Record<string, string> {
  const dir = serverDir(server);
  // Clients make a configuration where they find none: it goes with the server.
  return serverFacts[server].engine === "lxc"
    ? { LXD_DIR: dir, LXD_SOCKET: "", LXD_CONF: join(dir, "client") }
    : { INCUS_DIR: dir, INCUS_SOCKET: "", INCUS_CONF: join(dir, "client") };
}

/** The answer of a server's API over its own socket. */
export function ask<T>(server: ServerName, path: string): Promise<T | undefined> {
  return query<T>(serverFacts[server].engine, path, serverEnvironment(server));
}

/** The bridge on the host, with its address. */
export async function ensureHostBridge(subnet: number): Promise<void> {
  if (!exists(`/sys/class/net/${hostBridge}`)) {
    await runProcess(["ip", "link", "add", hostBridge, "type", "bridge"]);
  }
  await runProcess(["ip", "address", "replace", `198.18.${subnet}.1/24`, "dev", hostBridge]);
  await runProcess(["ip", "link", "set", hostBridge, "up"]);
}

/** Starts a server, if it does not run. Fails with the end of its log when it does not get ready. */
export async function startServer(server: ServerName, subnet: number): Promise<void> {
  await ensureNamespace(server, subnet);
  const { engine } = serverFacts[server];
  const env = serverEnvironment(server);
  const dir = serverDir(server);
  if (!await daemonRuns(server)) {
    // What a killed daemon has left runs in mounts that a new one cannot reach.
    await killServer(server);
    Deno.mkdirSync(dir, { recursive: true, mode: 0o711 });
    const script = fromFileUrl(new URL("cluster_start.sh", import.meta.url));
    launchDaemon(daemonName(server), [
      ...["nsenter", `--net=/run/netns/${namespaceOf(server)}`, "unshare", "--mount", "--propagation=slave"],
      ...["sh", script, dir, ...engineFacts[engine].daemon, join(dir, "daemon.log")],
    ], { env });
  }
  const { code } = await waitReady(engine, env);
  if (code === 0) return;
  throw new UserError(`"${server}" does not get ready: ${logTail(daemonName(server))}`, {
    hint: `See ${daemonLog(daemonName(server))}; deno task lab cluster down --purge removes it`,
  });
}

/** Kills a server with all that runs on it, as a machine that loses power. Gives back how many processes that were. */
export async function killServer(server: ServerName): Promise<number> {
  return await killAll(() => namespaceProcesses(server));
}

/** Whether a server's daemon listens to the machine that it is on. */
export async function daemonRuns(server: ServerName): Promise<boolean> {
  return await socketAnswers(join(serverDir(server), "unix.socket"));
}

/** Takes a server's network away, after its processes. */
export async function removeNamespace(server: ServerName): Promise<void> {
  await clearLink(server);
  await killServer(server);
  // The other end goes with it.
  await runProcess(["ip", "link", "delete", linkOf(server)], { okCodes: "any" });
  await runProcess(["ip", "netns", "delete", namespaceOf(server)], { okCodes: "any" });
}

/** Makes the link between the host and a server as slow as asked. */
export async function setLink(server: ServerName, link: Link, subnet: number): Promise<void> {
  await clearLink(server);
  const device = tunnelOf(server);
  const program = fromFileUrl(new URL("cluster_link.py", import.meta.url));
  const rate = link.drop ? -1 : link.rateMbit * 1e6 / 8;
  const seconds = link.roundTripMs / 2 / 1000;
  launchDaemon(`link-${server}`, ["/usr/bin/python3", program, namespaceOf(server), device, `${seconds}`, `${rate}`]);
  const inside = ["ip", "-n", namespaceOf(server)];
  const made = await until(async () =>
    (await runProcess([...inside, "link", "show", device], { okCodes: "any" })).code === 0
  );
  if (!made) throw new Error(`The link to "${server}" is not there: ${logTail(`link-${server}`)}`);
  const [host, address] = [`198.18.${subnet}.1`, serverAddress(server, subnet)];
  // Each end has a more exact way to the other one than that over the bridge, as long as the device is there.
  for (const [ip, from, to] of [[["ip"], host, address], [inside, address, host]] as const) {
    await runProcess([...ip, "link", "set", device, "up"]);
    await runProcess([...ip, "route", "add", `${to}/32`, "dev", device, "src", from]);
  }
}

/** Makes the link to a server as fast as it was. */
export async function clearLink(server: ServerName): Promise<void> {
  const device = tunnelOf(server);
  if (!exists(`/sys/class/net/${device}`)) return;
  // Its process ends by that, and the other end with it.
  await runProcess(["ip", "link", "delete", device], { okCodes: "any" });
  await until(async () =>
    (await runProcess(["ip", "-n", namespaceOf(server), "link", "show", device], { okCodes: "any" })).code !== 0
  );
}

/** The name of a server's daemon, for its log. */
function daemonName(server: ServerName): string {
  return `cluster-${server}`;
}

function namespaceOf(server: ServerName): string {
  return `guilab-c-${server}`;
}

/** The host's end of the link, at most 15 characters as the kernel wants it. */
function linkOf(server: ServerName): string {
  return `guilab-c-${server}`;
}

function tunnelOf(server: ServerName): string {
  return `guilab-t-${server}`;
}

async function ensureNamespace(server: ServerName, subnet: number): Promise<void> {
  const namespace = namespaceOf(server);
  const inside = ["ip", "-n", namespace];
  const link = linkOf(server);
  if (!exists(`/run/netns/${namespace}`)) await runProcess(["ip", "netns", "add", namespace]);
  if (!exists(`/sys/class/net/${link}`)) {
    await runProcess(["ip", "link", "add", link, "type", "veth", "peer", "eth0", "netns", namespace]);
  }
  await runProcess(["ip", "link", "set", link, "master", hostBridge, "up"]);
  await runProcess([...inside, "link", "set", "lo", "up"]);
  await runProcess([...inside, "link", "set", "eth0", "up"]);
  await runProcess([...inside, "address", "replace", `${serverAddress(server, subnet)}/24`, "dev", "eth0"]);
}

/** What runs in a server's namespace: its daemon, what that has started, and the monitors of its containers. */
async function namespaceProcesses(server: ServerName): Promise<number[]> {
  const { code, stdout } = await runProcess(["ip", "netns", "pids", namespaceOf(server)], { okCodes: "any" });
  return code === 0 ? stdout.trim().split("\n").filter(Boolean).map(Number) : [];
}
