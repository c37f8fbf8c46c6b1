/**
 * LXD and two versions of Incus, side by side: started where they do not run, set up where nobody has, and given the
 * lab's image.
 */

import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { type ProcessOptions, runProcess } from "../../lib/base/process.ts";
import { makeRoomForGroups } from "./cgroups.ts";
import { exists } from "./files.ts";
import { logTail, startDaemon, stopDaemon } from "./daemons.ts";
import { imageAlias, type ImageFiles, recipeProperty, xpraProperty } from "./image.ts";
import { unpackIncus7 } from "./incus7.ts";
import { type EngineName, type EngineRecord, incus7Dir, type LabEngine, type Part } from "./state.ts";
import { announce, type Lab, partStep } from "./steps.ts";

/** What differs between the engines. */
interface EngineFacts {
  client: string;
  /** The daemon's command line, but for its log's path. */
  daemon: readonly string[];
  /** The environment in which both mean this engine. */
  env: Record<string, string>;
  /** Its service, where it has one. */
  unit?: string;
  /** Its firewall table. */
  table: string;
  /** Where it keeps its database, pools and sockets. */
  dir: string;
  logDir: string;
  bridge: string;
  /** The third byte of its preferred subnet, 198.18.N.0/24: a range for tests of networks (RFC 2544). */
  subnet: number;
}

const incus7State = join(incus7Dir(), "state");

/** What differs between the engines. */
export const engineFacts: Readonly<Record<LabEngine, EngineFacts>> = {
  lxc: {
    client: "lxc",
    daemon: ["lxd", "--group", "lxd", "--logfile"],
    env: {},
    unit: "lxd",
    table: "lxd",
    dir: "/var/lib/lxd",
    logDir: "/var/log/lxd",
    bridge: "guilab-lxd",
    subnet: 0,
  },
  incus: {
    client: "incus",
    daemon: ["/usr/libexec/incus/incusd", "--group", "incus-admin", "--logfile"],
    env: {},
    unit: "incus",
    table: "incus",
    dir: "/var/lib/incus",
    logDir: "/var/log/incus",
    bridge: "guilab-incus",
    subnet: 1,
  },
  incus7: {
    client: join(incus7Dir(), "root/usr/bin/incus"),
    daemon: [join(incus7Dir(), "root/usr/libexec/incus/incusd"), "--group", "incus-admin", "--logfile"],
    // Clients make a configuration where they find none.
    env: { INCUS_DIR: incus7State, INCUS_SOCKET: "", INCUS_CONF: join(incus7State, "client") },
    table: "incus",
    dir: incus7State,
    logDir: join(incus7State, "logs"),
    bridge: "guilab-incus7",
    subnet: 2,
  },
};

/** The lab's storage pool on either engine. */
export const poolName = "gui-lab";

/** The instance that shows, after an import, that the image boots. */
export const trialName = "gui-lab-trial";

/** How long a container may take to boot before the engine counts as unusable. */
const trialTimeoutMs = 120_000;

const poolBytes = 20 * 2 ** 30;

/** Brings one engine up, without the image. Its part stays missing until {@linkcode ensureImage} is through. */
export async function ensureEngine(lab: Lab, engine: LabEngine): Promise<void> {
  await partStep(lab, engine, async () => {
    if (engine === "incus7") await unpackIncus7();
    else if (!await findProgram(engine)) return { missing: `"${engine}" is not installed` };
    const started = await ensureRunning(lab, engine);
    if (started) return started;
    await setUp(lab, engine);
    await shareDeviceMounts(engine);
    await stopQuotas(lab, engine);
    return { version: await serverVersion(engine), note: "without the image" };
  });
}

/**
 * Gives one engine the image, and shows that a container of it boots.
 *
 * @param options `beside`: an image of which one has booted, and of which somebody may be making one just now; it stays
 * until the next time
 */
export async function ensureImage(
  lab: Lab,
  engine: LabEngine,
  files: ImageFiles,
  { beside }: { beside?: ImageFiles | undefined } = {},
): Promise<void> {
  if ("missing" in lab.state.parts[engine]) return;
  await partStep(lab, engine, async () => {
    const record = engineRecord(lab, engine);
    const current = files.fingerprint;
    const target = (await query<{ target: string }>(engine, `/1.0/images/aliases/${imageAlias}`))?.target;
    if (target && !await isLabImage(lab, engine, target)) {
      return { missing: `the image alias "${imageAlias}" is somebody else's` };
    }
    if (!record.images.includes(current)) record.images.push(current);
    if (!await query(engine, `/1.0/images/${current}`)) {
      announce(lab, `${engine}: importing the image`);
      await runClient(engine, ["image", "import", files.metadata, files.rootfs]);
      if (!beside) delete record.booted;
    }
    if (!record.booted) {
      announce(lab, `${engine}: booting a container to see that it works`);
      await launchTrial(engine, current);
      // On a new machine the directory may be mounted only now.
      await shareDeviceMounts(engine);
      record.booted = true;
    }
    // Only now, in one move: whoever uses the alias meanwhile gets the old image or the new one.
    if (target !== current) await setAlias(engine, current, { exists: target !== undefined });
    const kept = [...new Set([current, beside?.fingerprint ?? current])];
    for (const old of new Set([...record.images, ...(target ? [target] : [])])) {
      if (kept.includes(old) || !await query(engine, `/1.0/images/${old}`)) continue;
      await runClient(engine, ["image", "delete", old]);
    }
    record.images = kept;
    return await describeEngine(lab, engine);
  });
}

/** Without root: engines that the user can reach are used as they are. */
export async function findEngine(lab: Lab, engine: EngineName): Promise<void> {
  await partStep(lab, engine, async () => {
    if (!await findProgram(engine)) return { missing: `"${engine}" is not installed` };
    if (!await answers(engine)) return { missing: `"${engine}" does not reach its daemon as this user` };
    const target = (await query<{ target: string }>(engine, `/1.0/images/aliases/${imageAlias}`))?.target;
    if (!target) return { missing: `there is no image "${imageAlias}", and building it takes root` };
    const image = await query<{ properties: Record<string, string> | null }>(engine, `/1.0/images/${target}`);
    const xpra = image?.properties?.[xpraProperty];
    if (xpra) lab.state.parts.imageXpra = { version: xpra };
    return { version: await serverVersion(engine), note: "set up by somebody else" };
  });
}

/** Runs the engine's CLI. `env` chooses another one of its daemons. */
export function runClient(
  engine: LabEngine,
  args: readonly string[],
  { env = {}, ...options }: ProcessOptions = {},
): Promise<ProcessResult> {
  const { client, env: own } = engineFacts[engine];
  return runProcess([client, ...args], { ...options, env: { ...own, ...env } });
}

/** As {@linkcode runClient}, for what an administrator does: `waitready`, `shutdown`, `init`. */
export function runAdmin(
  engine: LabEngine,
  args: readonly string[],
  { env = {}, ...options }: ProcessOptions = {},
): Promise<ProcessResult> {
  const { client, env: own } = engineFacts[engine];
  const program = engine === "lxc" ? ["lxd"] : [client, "admin"];
  return runProcess([...program, ...args], { ...options, env: { ...own, ...env } });
}

/** Waits for the daemon. `env` as for {@linkcode runClient}. */
export function waitReady(engine: LabEngine, env: Record<string, string> = {}): Promise<ProcessResult> {
  return runAdmin(engine, ["waitready", "--timeout", "60"], { okCodes: "any", timeoutMs: 70_000, env });
}

/**
 * The answer of the engine's API, or undefined where it says that there is no such thing. `env` as for
 * {@linkcode runClient}.
 */
export async function query<T>(
  engine: LabEngine,
  path: string,
  env: Record<string, string> = {},
): Promise<T | undefined> {
  const { code, stdout, stderr } = await runClient(engine, ["query", path], {
    okCodes: "any",
    timeoutMs: 30_000,
    env,
  });
  // Incus 6.0.4 prints nothing for an empty list.
  if (code === 0) return (stdout.trim() === "" ? [] : JSON.parse(stdout)) as T;
  if (/not found/i.test(stderr)) return undefined;
  throw new Error(`"${engine} query ${path}" failed: ${stderr.trim()}`);
}

/** Whether the engine's daemon answers. */
export async function answers(engine: LabEngine): Promise<boolean> {
  const { code } = await runClient(engine, ["query", "/1.0"], { okCodes: "any", timeoutMs: 10_000 });
  return code === 0;
}

/** What the lab did to an engine so far. */
export function engineRecord(lab: Lab, engine: LabEngine): EngineRecord {
  return lab.state.engines[engine] ??= { stateMade: engine === "incus7", profileDevices: [], images: [] };
}

/** The name of an engine's daemon in the state. */
export function daemonName(engine: LabEngine): string {
  return { lxc: "lxd", incus: "incusd", incus7: "incusd7" }[engine];
}

/** Starts the engine's daemon if it does not answer: by the service manager where there is one, else by ourselves. */
export async function ensureRunning(lab: Lab, engine: LabEngine): Promise<Part | undefined> {
  const facts = engineFacts[engine];
  const name = daemonName(engine);
  if (await answers(engine)) return undefined;
  if (facts.unit && exists("/run/systemd/system")) {
    await runProcess(["systemctl", "start", facts.unit], { okCodes: "any", timeoutMs: 90_000 });
    if (await answers(engine)) return undefined;
    return { missing: `its service does not start (journalctl -u ${facts.unit})` };
  }
  if (!exists(join(facts.dir, "database"))) {
    // Whatever was known of an engine that is gone holds no longer.
    lab.state.engines[engine] = { stateMade: true, profileDevices: [], images: [] };
  }
  // One that runs and does not answer is of no use.
  await stopDaemon(lab.state, name, { graceMs: 10_000 });
  makeRoomForGroups();
  Deno.mkdirSync(facts.logDir, { recursive: true });
  startDaemon(lab.state, name, [...facts.daemon, join(facts.logDir, `${name}.log`)], { env: facts.env });
  const { code } = await waitReady(engine);
  if (code === 0 && await answers(engine)) return undefined;
  return { missing: `its daemon does not get ready: ${logTail(name)}` };
}

/**
 * Whether the lab made the image that its alias names: it is recorded, or (should the record be lost) it bears the lab's
 * mark. Only for that one does the mark count, since images that are published from a container inherit it.
 */
async function isLabImage(lab: Lab, engine: LabEngine, fingerprint: string): Promise<boolean> {
  if (engineRecord(lab, engine).images.includes(fingerprint)) return true;
  const image = await query<{ properties: Record<string, string> | null }>(engine, `/1.0/images/${fingerprint}`);
  return image?.properties?.[recipeProperty] !== undefined;
}

async function setAlias(engine: LabEngine, target: string, { exists }: { exists: boolean }): Promise<void> {
  const data = JSON.stringify({ name: imageAlias, target });
  const path = exists ? `/1.0/images/aliases/${imageAlias}` : "/1.0/images/aliases";
  await runClient(engine, ["query", "-X", exists ? "PUT" : "POST", "-d", data, path]);
}

/**
 * Devices that are added to a running container reach it through this directory. Without systemd, which makes every
 * mount shared, it is private, and Incus 6.0.4 fails: "Failed to move the mount … Invalid argument". A container that
 * was started before keeps the private one.
 */
async function shareDeviceMounts(engine: LabEngine): Promise<void> {
  if (exists("/run/systemd/system")) return;
  const path = join(engineFacts[engine].dir, "shmounts");
  await runProcess(["mount", "--make-shared", path], { okCodes: "any" });
}

/** A pool, a bridge and the default profile, on an engine that has none of them. Others' are used as they are. */
async function setUp(lab: Lab, engine: LabEngine): Promise<void> {
  const record = engineRecord(lab, engine);
  const pools = await query<string[]>(engine, "/1.0/storage-pools") ?? [];
  const profile = await query<{ devices: Record<string, unknown> }>(engine, "/1.0/profiles/default");
  const devices = Object.keys(profile?.devices ?? {});
  const lacks = (name: string): boolean => !devices.includes(name);
  // A pool with another name is somebody's: their engine, their choice.
  if (pools.some((path) => !path.endsWith(`/${poolName}`))) return;
  if (pools.length === 0) await makePool(lab, engine);
  record.pool = poolName;
  const { bridge } = engineFacts[engine];
  const networks = await query<string[]>(engine, "/1.0/networks") ?? [];
  if (!networks.some((path) => path.endsWith(`/${bridge}`))) await makeBridge(engine);
  record.network = bridge;
  const add = async (device: string, ...config: string[]): Promise<void> => {
    if (!lacks(device)) return;
    await runClient(engine, ["profile", "device", "add", "default", device, ...config]);
    record.profileDevices.push(device);
  };
  await add("root", "disk", "path=/", `pool=${poolName}`);
  await add("eth0", "nic", `network=${bridge}`, "name=eth0");
}

/**
 * Once an instance has a limit for its disk, an engine counts what each one takes on btrfs, and goes on with that for
 * ever. With it, 107 removed instances kept a core busy for many minutes; without it, the kernel was done with them in
 * ten seconds.
 */
async function stopQuotas(lab: Lab, engine: LabEngine): Promise<void> {
  if (engineRecord(lab, engine).pool !== poolName) return;
  const path = join(engineFacts[engine].dir, "storage-pools", poolName);
  await runProcess(["btrfs", "quota", "disable", path], { okCodes: "any", timeoutMs: 120_000 });
}

/** btrfs in a loop file makes an instance in 0.2 s; a plain directory takes seconds for each, but works everywhere. */
async function makePool(lab: Lab, engine: LabEngine): Promise<void> {
  const free = await freeBytes(engineFacts[engine].dir);
  const size = Math.min(poolBytes, Math.floor(free * 0.25));
  const create = (): Promise<ProcessResult> =>
    runClient(engine, ["storage", "create", poolName, "btrfs", `size=${Math.floor(size / 2 ** 20)}MiB`], {
      okCodes: "any",
    });
  let btrfs = await create();
  // In a container of Docker's, /dev is no devtmpfs: a loop device that the kernel has just made is not there.
  for (let tries = 0; tries < 3 && btrfs.code !== 0; tries++) {
    const [, device, minor] = /(\/dev\/loop(\d+)) \S+ is lost/.exec(btrfs.stderr) ?? [];
    if (!device) break;
    await runProcess(["mknod", "--mode=660", device, "b", "7", minor!], { okCodes: "any" });
    btrfs = await create();
  }
  if (btrfs.code === 0) return;
  const reason = btrfs.stderr.trim().split("\n").at(-1);
  lab.ui.warn(
    `${engine}: no btrfs pool in a loop file (${reason}): taking a directory, so each instance takes seconds`,
  );
  await runClient(engine, ["storage", "create", poolName, "dir"]);
}

async function makeBridge(engine: LabEngine): Promise<void> {
  const { bridge, subnet } = engineFacts[engine];
  // A neighbour that is in use is stepped over by three: the other engines have those between.
  const third = await freeSubnet(subnet, { step: 3 });
  await runClient(
    engine,
    ["network", "create", bridge, `ipv4.address=198.18.${third}.1/24`, "ipv4.nat=true", "ipv6.address=none"],
  );
}

/** The first of the subnets 198.18.N.0/24, from N on in steps, that no route of the machine leads to. */
export async function freeSubnet(from: number, { step }: { step: number }): Promise<number> {
  const { stdout } = await runProcess(["ip", "-4", "route", "show"]);
  let third = from;
  while (third < 254 && stdout.includes(`198.18.${third}.`)) third += step;
  return third;
}

/** Boots a container of the image, until cloud-init is done. */
async function launchTrial(engine: LabEngine, image: string): Promise<void> {
  await runClient(engine, ["delete", "--force", trialName], { okCodes: "any" });
  try {
    await runClient(engine, ["launch", image, trialName], { timeoutMs: trialTimeoutMs });
    await runClient(engine, ["exec", trialName, "--", "cloud-init", "status", "--wait"], {
      timeoutMs: trialTimeoutMs,
    });
  } finally {
    await runClient(engine, ["delete", "--force", trialName], { okCodes: "any" });
  }
}

async function describeEngine(lab: Lab, engine: LabEngine): Promise<Part> {
  const { pool } = engineRecord(lab, engine);
  const driver = pool
    ? (await query<{ driver: string }>(engine, `/1.0/storage-pools/${pool}`))?.driver
    : "somebody's own";
  return { version: await serverVersion(engine), note: `storage ${driver}` };
}

async function serverVersion(engine: LabEngine): Promise<string> {
  return (await query<{ environment: { server_version: string } }>(engine, "/1.0"))!.environment.server_version;
}

/** How much more a file system takes, in bytes. */
export async function freeBytes(path: string): Promise<number> {
  const { stdout } = await runProcess(["df", "--output=avail", "-B1", "--", path]);
  return Number(stdout.trim().split("\n").at(-1));
}

async function findProgram(name: string): Promise<boolean> {
  return (await runProcess(["which", name], { okCodes: [0, 1] })).code === 0;
}
