/**
 * A world of more than one machine: three members of an Incus cluster, an Incus and an LXD that stand alone, each in a
 * network namespace, and clients of the lab's user that know them as remotes.
 */

import { join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { restartControl, stopControl } from "./cluster_control.ts";
import { firstPreseed, joinPreseed } from "./cluster_preseed.ts";
import {
  ask,
  daemonRuns,
  ensureHostBridge,
  hostBridge,
  killServer,
  memberNames,
  preferredSubnet,
  removeNamespace,
  serverAddress,
  serverDir,
  serverEnvironment,
  serverFacts,
  type ServerName,
  serverNames,
  startServer,
} from "./cluster_servers.ts";
import { until } from "./daemons.ts";
import { engineFacts, freeBytes, freeSubnet, runAdmin, runClient } from "./engines.ts";
import { exists } from "./files.ts";
import { ensureImageFiles, imageAlias, type ImageFiles } from "./image.ts";
import {
  clusterDir,
  clusterEnvironment,
  type ClusterRecord,
  labDir,
  missingEverywhere,
  type Part,
  saveState,
} from "./state.ts";
import { announce, type Lab, partStep, step } from "./steps.ts";
import { runAsUser } from "./user.ts";
import { findXpraSource } from "./xpra.ts";

const clusterParts = ["cluster", "far", "lxdfar"] as const;

/** What five daemons and a few containers take. */
const neededMemory = 3 * 2 ** 30;

/** What five copies of the image take, packed and unpacked, with room for instances. */
const neededDisk = 15 * 2 ** 30;

/** The size of a server's sparse pool file. */
const poolMiB = 10 * 2 ** 10;

/** A Unix socket's path has at most 107 bytes; an engine's longest one adds this many to its directory's. */
const maxSocket = "/guestapi/sock-and-some".length;

/** Makes what is missing of it, and starts what does not run. */
export async function makeCluster(lab: Lab): Promise<void> {
  const missing = await cannotBeMade(lab);
  if (missing) {
    for (const part of clusterParts) await partStep(lab, part, () => Promise.resolve({ missing, cannot: true }));
    return;
  }
  const record: ClusterRecord = lab.state.cluster ??= { subnet: await freeSubnet(preferredSubnet, { step: 1 }) };
  saveState(lab.state);
  const files = await ensureImageFiles(lab, { xpra: await findXpraSource(lab) });
  await step(lab, "clients", async () => {
    await ensureHostBridge(record.subnet);
    await ensureClientKeys(lab);
    return clusterDir();
  });
  await Promise.all([
    partStep(lab, "cluster", () => ensureCluster(lab, record, files)),
    partStep(lab, "far", () => ensureAlone(lab, "far", record, files)),
    partStep(lab, "lxdfar", () => ensureAlone(lab, "lxdfar", record, files)),
  ]);
  await restartControl(lab);
}

/** Kills all servers and takes their network away; with `purge` their state as well. */
export async function stopCluster(lab: Lab, { purge }: { purge: boolean }): Promise<string> {
  if (!lab.state.cluster) return "not made";
  await stopControl(lab);
  let running = 0;
  for (const server of serverNames) {
    if (await daemonRuns(server)) running++;
    await removeNamespace(server);
  }
  await runProcess(["ip", "link", "delete", hostBridge], { okCodes: "any" });
  const parts = missingEverywhere("");
  for (const part of clusterParts) lab.state.parts[part] = parts[part];
  if (purge) {
    await Deno.remove(clusterDir(), { recursive: true }).catch(() => {});
    delete lab.state.cluster;
  }
  saveState(lab.state);
  return `${running} servers stopped${purge ? ", and their state removed" : ""}`;
}

/** Each server in a few words. */
export async function describeServers(lab: Lab): Promise<[string, string][]> {
  const { cluster } = lab.state;
  if (!cluster) return [];
  return await Promise.all(serverNames.map(async (server): Promise<[string, string]> => [
    `server ${server}`,
    `${serverAddress(server, cluster.subnet)}, ${await daemonRuns(server) ? "running" : "not running"}`,
  ]));
}

/** Why the machine cannot have it. */
async function cannotBeMade(lab: Lab): Promise<string | undefined> {
  if (!lab.state.user || lab.state.user.uid === 0) return "it needs the lab's user (deno task lab up)";
  if (join(clusterDir(), "lxdfar").length + maxSocket > 107) return `the path ${labDir()} is too long for sockets`;
  if (!lab.state.cluster) {
    const free = await freeBytes(labDir());
    if (free < neededDisk) return `it needs ${gibibytes(neededDisk)} of disk, and ${gibibytes(free)} are free`;
  }
  if (await daemonRuns("m1")) return undefined;
  const kibibytes = /^MemAvailable:\s+(\d+)/m.exec(await Deno.readTextFile("/proc/meminfo"))?.[1];
  const memory = Number(kibibytes) * 1024;
  if (memory < neededMemory) return `it needs ${gibibytes(neededMemory)} of memory, and ${gibibytes(memory)} are free`;
  return undefined;
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

async function ensureCluster(lab: Lab, { subnet }: ClusterRecord, files: ImageFiles): Promise<Part> {
  const start = () => Promise.all(memberNames.map((name) => startServer(name, subnet)));
  // A join that was cut off half-way is not mended, but made again: there is nothing of value in it.
  if (!await start().then(isWhole, () => false)) {
    for (const name of memberNames) await wipe(name);
    await start();
    announce(lab, "cluster: making it of m1, m2 and m3");
    await preseed("m1", firstPreseed(serverAddress("m1", subnet), { poolMiB, member: "m1" }));
    // A dead member is known as such after the least time that is allowed. Before there is a cluster, Incus 6.0.4
    // breaks off.
    await runProcess(["incus", "config", "set", "cluster.offline_threshold=11"], { env: serverEnvironment("m1") });
    for (const name of memberNames.slice(1)) {
      const { stdout } = await runProcess(["incus", "--quiet", "cluster", "add", name], {
        env: serverEnvironment("m1"),
      });
      const token = stdout.trim().split("\n").at(-1)!;
      await preseed(name, joinPreseed(serverAddress(name, subnet), { poolMiB, token }));
    }
  }
  await restoreMembers();
  await ensureImage(lab, "m1", files);
  await trustUser(lab, "m1");
  for (const name of memberNames) await ensureRemote(lab, name, subnet);
  return { version: await version("m1"), note: "m1, m2 and m3" };
}

async function ensureAlone(
  lab: Lab,
  server: "far" | "lxdfar",
  { subnet }: ClusterRecord,
  files: ImageFiles,
): Promise<Part> {
  const own = lab.state.parts[serverFacts[server].engine];
  if ("missing" in own) {
    return { missing: `it is one more ${serverFacts[server].engine}, and that is missing: ${own.missing}` };
  }
  await startServer(server, subnet);
  const { config } = (await ask<{ config: Record<string, string> }>(server, "/1.0"))!;
  if (!config["core.https_address"]) await preseed(server, firstPreseed(serverAddress(server, subnet), { poolMiB }));
  await ensureImage(lab, server, files);
  await trustUser(lab, server);
  await ensureRemote(lab, server, subnet);
  return { version: await version(server), note: serverAddress(server, subnet) };
}

/** Whether each member says that it is that member. */
async function isWhole(): Promise<boolean> {
  const answers = await Promise.all(memberNames.map(async (name) => {
    const server = await ask<{ environment: { server_clustered: boolean; server_name: string } }>(name, "/1.0");
    return server?.environment.server_clustered && server.environment.server_name === name;
  }));
  return answers.every(Boolean);
}

/** Waits until all members see each other, and takes back what a test that was cut off has evacuated. */
async function restoreMembers(): Promise<void> {
  const waiting = (): Promise<boolean> =>
    until(async () => {
      const members = await ask<{ server_name: string; status: string }[]>("m1", "/1.0/cluster/members?recursion=1");
      for (const { server_name, status } of members ?? []) {
        if (status !== "Evacuated") continue;
        await runProcess(["incus", "cluster", "restore", server_name, "--force"], { env: serverEnvironment("m1") });
      }
      return members?.length === memberNames.length && members.every(({ status }) => status === "Online");
    }, { timeoutMs: 40_000 });
  if (!await waiting()) throw new Error("The members of the cluster do not see each other");
}

async function wipe(server: ServerName): Promise<void> {
  await killServer(server);
  await Deno.remove(serverDir(server), { recursive: true }).catch(() => {});
}

async function preseed(server: ServerName, config: Record<string, unknown>): Promise<void> {
  await runAdmin(serverFacts[server].engine, ["init", "--preseed"], {
    stdin: { text: JSON.stringify(config) },
    env: serverEnvironment(server),
    timeoutMs: 120_000,
  });
}

/** The image under its alias, unpacked into the pool of each member, so that no test pays for that. */
async function ensureImage(lab: Lab, server: ServerName, files: ImageFiles): Promise<void> {
  const { engine, part } = serverFacts[server];
  const env = serverEnvironment(server);
  const target = (await ask<{ target: string }>(server, `/1.0/images/aliases/${imageAlias}`))?.target;
  if (target === files.fingerprint) return;
  announce(lab, `${part}: importing the image`);
  if (target) await runClient(engine, ["image", "delete", target], { env });
  await runClient(engine, ["image", "import", files.metadata, files.rootfs, "--alias", imageAlias], { env });
  for (const member of part === "cluster" ? memberNames : [undefined]) {
    const name = `gui-lab-trial${member ? `-${member}` : ""}`;
    await runClient(engine, ["launch", imageAlias, name, ...(member ? ["--target", member] : [])], { env });
    await runClient(engine, ["delete", "--force", name], { env });
  }
}

/** One key pair for both clients, in directories of their own: those in the user's home stay as they are. */
async function ensureClientKeys(lab: Lab): Promise<void> {
  const user = lab.state.user!;
  const { INCUS_CONF: incus, LXD_CONF: lxc } = clusterEnvironment() as { INCUS_CONF: string; LXD_CONF: string };
  for (const dir of [incus, lxc]) {
    Deno.mkdirSync(dir, { recursive: true });
    Deno.chmodSync(dir, 0o700);
    Deno.chownSync(dir, user.uid, user.gid);
  }
  if (!exists(join(incus, "client.key"))) {
    await runAsUser(user, ["incus", "remote", "generate-certificate"], { env: clusterEnvironment() });
  }
  await runAsUser(user, ["cp", "--", join(incus, "client.crt"), join(incus, "client.key"), lxc]);
}

async function trustUser(lab: Lab, server: ServerName): Promise<void> {
  const { engine } = serverFacts[server];
  const file = join(clusterEnvironment()["INCUS_CONF"]!, "client.crt");
  const certificate = (await Deno.readTextFile(file)).trim();
  const trusted = await ask<{ certificate: string }[]>(server, "/1.0/certificates?recursion=1") ?? [];
  if (trusted.some((other) => other.certificate.trim() === certificate)) return;
  const command = engine === "lxc" ? "add" : "add-certificate";
  await runClient(engine, ["config", "trust", command, file, "--name", lab.state.user!.name], {
    env: serverEnvironment(server),
  });
}

/** The server as a remote of the user's, unless it is one already, with the certificate that the server has now. */
async function ensureRemote(lab: Lab, server: ServerName, subnet: number): Promise<void> {
  const { engine } = serverFacts[server];
  const run = (...argv: string[]): Promise<string> =>
    runAsUser(lab.state.user!, [engineFacts[engine].client, ...argv], { env: clusterEnvironment() });
  const auth = await run("query", `${server}:/1.0`).then((text) => JSON.parse(text).auth, () => undefined);
  if (auth === "trusted") return;
  await run("remote", "remove", server).catch(() => {});
  await run("remote", "add", server, `https://${serverAddress(server, subnet)}:8443`, "--accept-certificate");
}

async function version(server: ServerName): Promise<string> {
  return (await ask<{ environment: { server_version: string } }>(server, "/1.0"))!.environment.server_version;
}
