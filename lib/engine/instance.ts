/** Instances (containers) of the engine: their configuration, their devices, and programs that run in them. */

import {
  answers,
  type Engine,
  engineArgv,
  engineAt,
  engineLine,
  environmentOf,
  type Instance,
  isNotReady,
  labelOf,
  listMembers,
  query,
  request,
  run,
} from "./engine.ts";
import { delay } from "@std/async";
import { configIn, type Device, devicesIn, listIn, tableIn, textIn, textsIn } from "./answer.ts";
import {
  causedBy,
  inputError,
  isFailure,
  isNoEngine,
  isProcessError,
  NoEngine,
  orNothing,
  ProcessError,
  type ProcessResult,
  UserError,
} from "../base/errors.ts";
import type { Host, RunOptions } from "../base/host.ts";
import { networkHint } from "./bridge.ts";
import { imageOn } from "./image.ts";
import { withRemote } from "./server.ts";

export interface InstanceInfo extends Instance {
  project?: string;
  description: string;
  /** "Running", "Stopped", "Frozen", …; "Error" while its member of the cluster does not answer. */
  status: string;
  /** The member of the cluster that it is on; "none" on a server that is in no cluster. */
  location: string;
  /** When it was made, ISO 8601. */
  created_at: string;
  /** When it was last started, as the engine writes it. */
  last_used_at: string;
  /** Its own configuration, without what its profiles give. */
  config: Readonly<Record<string, string>>;
  /** Its own devices, without what its profiles give. */
  devices: Readonly<Record<string, Device>>;
  /** Its own devices and those of its profiles. */
  expanded_devices: Readonly<Record<string, Device>>;
  /** Its global address: by IPv6 only where it has none by IPv4. Undefined while it has neither. */
  address: string | undefined;
  /** Whether it has a network card, of its own or by a profile. */
  hasNetwork: boolean;
}

/** The configuration key that keeps the engine from removing an instance. A copy has it as well. */
export const protectionKey = "security.protection.delete";

/**
 * The instance called `name`; undefined when there is none.
 *
 * @param options `withState`: ask for the address too. The engine looks into the instance for that, and fails while the
 * instance cannot start (Incus 6.0.4: "Invalid PID")
 */
export async function findInstance(
  host: Host,
  instance: Instance,
  { withState = false, ...limits }: { withState?: boolean; timeoutMs?: number } = {},
): Promise<InstanceInfo | undefined> {
  const { engine, name } = instance;
  const answered = new AbortController();
  const { signal } = answered;
  const path = `/1.0/instances/${name}${withState ? "?recursion=1" : ""}`;
  const answer = query(host, engine, path, { ...limits, signal });
  const lost = inNoCluster.has(engine)
    ? Promise.resolve(undefined)
    : delay(patienceMs, { signal }).then(() => findLost(host, instance, { signal })).catch(() => undefined);
  try {
    const found = await Promise.race([answer, lost.then((lost) => lost ? Promise.reject(lostError(lost)) : answer)]);
    if (found === undefined) return undefined;
    // Another machine's server could call it anything, and records and paths have the name in them.
    const parsed = { ...parseInstance(engine, found), name };
    if (parsed.location === "none") inNoCluster.add(engine);
    return parsed;
  } catch (error) {
    if (!isNotReady(error)) throw error;
    const lost = await findLost(host, instance).catch(() => undefined);
    throw lost ? lostError(lost, error) : error;
  } finally {
    answered.abort();
  }
}

/**
 * For how long the answer about one instance is waited for alone, in milliseconds. A member of a cluster waits 10 s for
 * the events of a lost one, each time it is asked. Where the other counted as offline before it has tried to reach it,
 * that never ends: EventListenerWait() of Incus 6.0.4, internal/server/cluster/events.go.
 */
const patienceMs = 1_500;

/** Those whose server has said that it is in no cluster. */
const inNoCluster = new WeakSet<Engine>();

/** An instance that a lost member has. The list of all is answered at once, by the members that are there. */
async function findLost(
  host: Host,
  { engine, name }: Instance,
  options: { signal?: AbortSignal } = {},
): Promise<InstanceInfo | undefined> {
  return (await listInstances(host, engine, options)).find((instance) => instance.name === name && isLost(instance));
}

/** Whether the member of the cluster that has an instance does not answer. */
export function isLost({ status, location }: Pick<InstanceInfo, "status" | "location">): boolean {
  return status === "Error" && location !== "none";
}

function lostError({ engine, name, location }: InstanceInfo, cause?: unknown): UserError {
  return new NoEngine(`The member "${location}" of the cluster, which has the container "${name}", does not answer`, {
    hint: `Start its machine again, or see what the cluster does about it: ${listMembers(engine)}`,
    cause,
  });
}

/**
 * All instances, without their addresses. Another machine's server could call them anything: those whose names cannot
 * be names of containers are left out.
 */
export async function listInstances(
  host: Host,
  engine: Engine,
  options: { signal?: AbortSignal } = {},
): Promise<InstanceInfo[]> {
  return listIn(await query(host, engine, "/1.0/instances?recursion=1", options))
    .map((json) => parseInstance(engine, json)).filter(({ name }) => isInstanceName(name));
}

/**
 * All instances of all projects of the server, without their addresses: they may share directories of the host. A user
 * who may use one project alone gets the instances of that.
 */
export async function listAllInstances(host: Host, engine: Engine): Promise<InstanceInfo[]> {
  const anyProject = { ...engine, server: { ...engine.server, project: undefined } };
  const asked = query(host, anyProject, "/1.0/instances?recursion=1&all-projects=true");
  const found = await orNothing(asked.then(listIn), isProcessError);
  return found?.map((json) => parseInstance(engine, json)) ?? await listInstances(host, engine);
}

/**
 * The same of this machine's own server, whichever server the engine is called with; none where it does not answer.
 */
export async function listOwnInstances(host: Host, { cli }: Pick<Engine, "cli">): Promise<InstanceInfo[]> {
  const asked = engineAt(host, { cli, remote: "local" }).then((engine) => listAllInstances(host, engine));
  return await orNothing(asked, isNoEngine) ?? [];
}

/** The instances that may share directories of this machine, in all projects, without their addresses. */
export async function listNeighbours(host: Host, engine: Engine): Promise<InstanceInfo[]> {
  return await (engine.server.isLocal ? listAllInstances(host, engine) : listOwnInstances(host, engine));
}

function parseInstance(engine: Engine, json: unknown): InstanceInfo {
  const instance = tableIn(json);
  const networks = Object.values(tableIn(tableIn(instance.state).network)).map(tableIn);
  const addresses = networks.flatMap(({ addresses }) => listIn(addresses)).map(tableIn)
    .filter(({ scope }) => scope === "global");
  const addressOf = (wanted: string): string | undefined =>
    textIn(addresses.find(({ family }) => family === wanted)?.address) || undefined;
  const expanded = devicesIn(instance.expanded_devices);
  return {
    engine,
    name: textIn(instance.name),
    ...(typeof instance.project === "string" ? { project: instance.project } : {}),
    description: textIn(instance.description),
    // Root in one that runs may call it so, by the engine's socket there (Incus 7.0.2).
    status: textIn(instance.status).replace(/^Ready$/, "Running"),
    location: textIn(instance.location) || "none",
    created_at: textIn(instance.created_at),
    last_used_at: textIn(instance.last_used_at),
    // All null while the member of the cluster that has it does not answer.
    config: configIn(instance.config),
    devices: devicesIn(instance.devices),
    expanded_devices: expanded,
    hasNetwork: Object.values(expanded).some(({ type }) => type === "nic"),
    address: addressOf("inet") ?? addressOf("inet6"),
  };
}

/** The kinds of cards that are on a network of the engine's or the host's. */
const sharedCards = ["bridged", "ipvlan", "macvlan", "ovn", "routed", "sriov"];

/**
 * Whether an instance reaches less than programs of the host do: it has no network card, or only one with rules of its
 * own (ACLs) or with another end than the host's network, as of a VPN. Rules of a whole bridge are not among its
 * devices.
 */
export function isConfined({ expanded_devices }: Pick<InstanceInfo, "expanded_devices">): boolean {
  return !Object.values(expanded_devices).some(({ type, nictype = "", network, "security.acls": rules }) =>
    type === "nic" && (network || sharedCards.includes(nictype)) && !rules
  );
}

/**
 * Whether `name` can name a container, by the engines' own rule: 1 to 63 letters, digits and dashes; the first is a
 * letter, the last is not a dash (RFC 1123 host names, without a leading digit).
 */
export function isInstanceName(name: string): boolean {
  return /^[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(name);
}

/**
 * Checks a name that the user gives for a container.
 *
 * @throws {UserError} exit code 2
 */
export function checkInstanceName(name: string): void {
  if (isInstanceName(name)) return;
  throw inputError(
    `"${name}" cannot be the name of a container`,
    'Use 1 to 63 letters, digits and "-"; start with a letter, do not end in "-"',
  );
}

/**
 * Reads a container's name as the user gives it, `[REMOTE:]NAME`.
 *
 * @returns `remote`: undefined for the default of the engine's CLI
 * @throws {UserError} exit code 2
 */
export function parseInstancePath(word: string): { remote: string | undefined; name: string } {
  const colon = word.indexOf(":");
  const [remote, name] = colon < 0 ? [undefined, word] : [word.slice(0, colon), word.slice(colon + 1)];
  checkInstanceName(name);
  if (remote === "") throw inputError(`"${word}" names no remote`, "Write REMOTE:NAME, or NAME alone");
  return { remote, name };
}

export interface LaunchOptions {
  /** A local image, or one on a remote. */
  image: string;
  /** Profiles; a later one overrides an earlier one. */
  profiles: readonly string[];
  config: Readonly<Record<string, string>>;
  /** The member of the cluster, or `@GROUP`, that is to have it; by default, the engine chooses. */
  target?: string | undefined;
}

/** How long another run's launch is waited for at most, which may download an image, in milliseconds. */
export const maxLaunchMs = 600_000;

/**
 * Makes an instance and starts it.
 *
 * @throws {UserError} when there is no such image
 */
export async function launch(host: Host, instance: Instance, options: LaunchOptions): Promise<void> {
  const { engine, name } = instance;
  const { profiles, config, target } = options;
  const args = [
    "launch",
    imageOn(engine, options.image),
    labelOf(instance),
    ...profiles.flatMap((profile) => ["--profile", profile]),
    ...Object.entries(config).flatMap(([key, value]) => ["--config", `${key}=${value}`]),
    ...(target === undefined ? [] : ["--target", target]),
  ];
  try {
    for (let tries = 1;; tries++) {
      const error = await run(host, engine, args).then(() => undefined, (error) => error);
      if (error === undefined) return;
      if (!isStartFailure(error) || tries === maxStarts) throw error;
      await deleteInstance(host, instance);
      await delay(startPauseMs, { signal: host.signal });
    }
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    if (isStartFailure(error)) {
      const log = engineLine(engine, ["info", "--show-log", labelOf(instance)]);
      throw new UserError(`${engine.product} has made the container "${name}", but cannot start it`, {
        hint: await twoRangesHint(engine) ?? `To see why, run this again with --keep-failed, and then: ${log}`,
        ...causedBy(error),
      });
    }
    throw new UserError(`${engine.product} cannot make the container "${name}" from the image "${options.image}"`, {
      hint: launchHint(engine, error),
      ...causedBy(error),
    });
  }
}

/** What to do when an instance cannot be made. */
function launchHint({ cli, product, init }: Engine, { stderr }: ProcessError): string {
  if (/No root device|No storage pool/.test(stderr)) return `${product} was never set up: ${init}`;
  if (/No uid\/gid allocation configured/.test(stderr)) return rootIdsHint(product);
  return `See whether there is such an image (${cli} image list), and what ${product} says`;
}

/** What gives root the ids that an engine needs for its containers; Fedora and Arch leave that to the user. */
export function rootIdsHint(product: string): string {
  const service = product.toLowerCase();
  return `Give root ids for containers: echo root:1000000:1000000000 | sudo tee -a /etc/subuid /etc/subgid; ` +
    `then sudo systemctl restart ${service}`;
}

/**
 * What to do where root has two ranges of ids, of the packages of Incus and of LXD: Incus 7.0.2 maps both to 0, which
 * the kernel refuses. Undefined where that is not so.
 *
 * @param directory that of the files, `/etc`
 */
export async function twoRangesHint({ cli, server }: Engine, directory = "/etc"): Promise<string | undefined> {
  if (cli !== "incus" || !server.isLocal) return undefined;
  const texts = ["subuid", "subgid"].map((name) => Deno.readTextFile(`${directory}/${name}`).catch(() => ""));
  if (!(await Promise.all(texts)).some((text) => (text.match(/^root:/gm) ?? []).length > 1)) return undefined;
  return "Root has two lines in /etc/subuid or /etc/subgid, with which Incus 7 starts nothing. Keep the first ones: " +
    `sudo sed -i '0,/^root:/!{/^root:/d}' /etc/subuid /etc/subgid; then sudo systemctl restart incus`;
}

/**
 * Whether an instance is on this machine: its server is this machine's, and if that is in a cluster, the instance is on
 * the very member that this machine is.
 */
export async function isHere(
  host: Host,
  { engine, location }: Pick<InstanceInfo, "engine" | "location">,
): Promise<boolean> {
  if (!engine.server.isLocal || location === "none") return engine.server.isLocal;
  return location === (await environmentOf(host, engine)).server_name;
}

/**
 * Whether the engine made an instance and could not start it, so that making it again may help. LXD 5.0.2 takes the ids
 * of an isolated container that is just being made for 0 to 65535, and gives what is made at that moment, and as long as
 * the other is there, ids that root has not, or the same ids twice (`findIdmap()`, lxd/instance/drivers/driver_lxc.go).
 */
export function isStartFailure(error: unknown): boolean {
  return error instanceof ProcessError && /\bforkstart\b/.test(error.stderr);
}

/** How often an instance is made that cannot start. */
export const maxStarts = 4;

/** How long the others have to remove theirs then, in milliseconds. */
export const startPauseMs = 1_000;

export async function startInstance(host: Host, instance: Instance): Promise<void> {
  const { engine } = instance;
  try {
    await run(host, engine, ["start", labelOf(instance)]);
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    // Somebody else has just started it.
    if (/already running/i.test(error.stderr)) return;
    const hint = isStartFailure(error) ? await twoRangesHint(engine) : undefined;
    if (hint) throw new UserError(`"${instance.name}" cannot start`, { hint, ...causedBy(error) });
    if (!/member is evacuated/i.test(error.stderr)) throw error;
    const on = engineLine(engine, ["cluster", "restore", withRemote(engine.server, "MEMBER")]);
    const move = engineLine(engine, ["move", labelOf(instance), "--target", "OTHER"]);
    throw new UserError(`"${instance.name}" cannot start: its member of the cluster is evacuated`, {
      hint: `Bring the member back (${on}), or move the container: ${move}`,
      ...causedBy(error),
    });
  }
}

/** How long an instance may take to stop before it is killed, in seconds. */
const stopSeconds = 60;

/** Stops an instance that runs; kills what does not stop by itself. */
export async function stopInstance(host: Host, instance: Instance): Promise<void> {
  const stopping = run(host, instance.engine, ["stop", "--timeout", String(stopSeconds), labelOf(instance)]);
  if (!await orNothing(stopping, isProcessError)) await killInstance(host, instance);
}

export async function killInstance(host: Host, instance: Instance): Promise<void> {
  await run(host, instance.engine, ["stop", "--force", labelOf(instance)]);
}

/** How often it is tried to remove an instance that is busy. */
const maxDeletions = 20;

/** The pause between two such tries, in milliseconds. */
const busyMs = 500;

/** Removes an instance, stopping it first if it runs. */
export async function deleteInstance(host: Host, instance: Instance): Promise<void> {
  const { engine } = instance;
  for (let tries = 1;; tries++) {
    try {
      await run(host, engine, ["delete", "--force", labelOf(instance)]);
      return;
    } catch (error) {
      // A run that was killed may have left the engine at work on it: nobody can wait for an update, which is not an
      // operation.
      const isBusy = error instanceof ProcessError && /Instance is busy running/.test(error.stderr);
      if (!isBusy || tries === maxDeletions) throw error;
      await delay(busyMs, { signal: host.signal });
    }
  }
}

/**
 * Waits for the operations that the engine still carries out on an instance, at most a minute for each.
 *
 * @param options `publishing`: also for the making of images, since Incus does not say of which instance (6.0.4)
 */
export async function waitForOperations(
  host: Host,
  { engine, name }: Instance,
  { publishing = false }: { publishing?: boolean } = {},
): Promise<void> {
  const { running } = tableIn(await query(host, engine, "/1.0/operations?recursion=1"));
  for (const { id, class: kind, description, resources, metadata } of listIn(running).map(tableIn)) {
    // Not for programs that run in the instance: those are operations of the class "websocket".
    if (kind !== "task") continue;
    // LXD 6.7 names an instance that it is making nowhere else.
    const paths = [...Object.values(tableIn(resources)), [tableIn(metadata).entity_url]].flatMap(textsIn);
    const isPublishing = publishing && paths.length === 0 && description === "Downloading image";
    if (isPublishing || paths.some((path) => path.split("?")[0]!.split("/").includes(name))) {
      await query(host, engine, `/1.0/operations/${textIn(id)}/wait?timeout=60`, { timeoutMs: 70_000 });
    }
  }
}

/**
 * Adds devices to an instance, and values to its configuration, all or none.
 *
 * @param instance with its description, unless it has none: the engines take a missing one for an empty one
 */
export async function updateInstance(
  host: Host,
  { engine, name, description = "" }: Instance & Partial<Pick<InstanceInfo, "description">>,
  data: { devices?: Readonly<Record<string, Device>>; config?: Readonly<Record<string, string>> },
): Promise<void> {
  await request(host, engine, { method: "PATCH", path: `/1.0/instances/${name}`, data: { ...data, description } });
}

export async function removeDevices(host: Host, instance: Instance, devices: readonly string[]): Promise<void> {
  if (devices.length > 0) {
    await run(host, instance.engine, ["config", "device", "remove", labelOf(instance), ...devices]);
  }
}

/**
 * What the engine's CLI says when it could not start a program (Incus 6.0.4, on a busy machine just after the start of
 * an instance), or when the program had ended before the CLI had all its connections, which loses its answer (Incus
 * 7.0.2: 6 of 240 programs, twelve at a time; its issue 2419).
 */
export const lostAnswer = /Failed to retrieve PID of executing child process|Only running operations can be connected/;

/** How often a program is run whose answer does not arrive. */
const maxRuns = 3;

/** Whether a program's answer was lost, so that another try may succeed. The program may have run. */
export function hasNoAnswer(error: unknown): error is ProcessError {
  return error instanceof ProcessError && lostAnswer.test(error.stderr);
}

/**
 * How much a program in an instance may answer, in bytes, and how long it may take: the instance may have replaced it.
 */
export const answerLimits = { maxOutputBytes: 2 ** 20, timeoutMs: 60_000 };

/** The last character of a whole answer. */
export const endMark = "\u0004";

/** Runs a program with an input, and prints {@linkcode endMark} after its output if it succeeds. */
export const marking = ["/bin/sh", "-c", `"$@" && printf '\\004'`, "sh"];

/**
 * The same for a program without an input. It then waits until its own input ends, which is once its answer is here.
 * The clients of LXD and Incus lose what they have not read when a program has ended and their server hangs up: on a
 * busy machine, with three at a time, 2 of 150 answers of LXD 5.0.2, 13 of Incus 6.0.4 and 23 to 60 of Incus 7.0.2.
 */
export const holding = ["/bin/sh", "-c", `"$@" </dev/null && printf '\\004' && { read -r _ || :; }`, "sh"];

const heldInput = { openUntil: endMark };

/**
 * Runs a program as root in an instance. The instance is not trusted: what it answers is limited to 1 MiB, and by
 * default to a minute. An answer that is kept is whole.
 *
 * @param argv a program that may run again, up to three times
 * @param given a function is called for each try
 * @throws {UserError} when the answer does not arrive whole
 */
export async function exec(
  host: Host,
  instance: Instance,
  argv: readonly string[],
  given: RunOptions | (() => RunOptions) = {},
): Promise<ProcessResult> {
  const { engine } = instance;
  for (let tries = 1;; tries++) {
    const options = { ...answerLimits, ...(typeof given === "function" ? given() : given) };
    const wrapper = options.stdin === undefined ? holding : marking;
    const words = options.output === undefined ? await host.look(argv, () => [...wrapper, ...argv]) : argv;
    const input = words !== argv && wrapper === holding ? { stdin: heldInput } : {};
    try {
      const result = await run(host, engine, execArgs(instance, words), { ...options, ...input });
      if (words === argv || result.code !== 0) return result;
      if (result.stdout.endsWith(endMark)) return { ...result, stdout: result.stdout.slice(0, -endMark.length) };
    } catch (error) {
      if (hasNoAnswer(error) && tries < maxRuns) continue;
      // The program's own words may look as if the engine did not answer.
      if (error instanceof UserError && error.cause instanceof ProcessError && await answers(host, engine)) {
        throw error.cause;
      }
      throw error;
    }
    if (tries === maxRuns) {
      throw new UserError(`The output of a program in "${labelOf(instance)}" was cut off`, {
        hint: "Try it again",
      });
    }
  }
}

/** How long {@linkcode outputOf} waits, in milliseconds: in a frozen instance no program ever ends. */
export const outputMs = 10_000;

/**
 * What a program prints that root runs in an instance; undefined when it fails, as it does where none runs, or when its
 * answer does not arrive whole.
 *
 * @throws {UserError} exit code 125 when the engine cannot be reached
 */
export async function outputOf(
  host: Host,
  instance: Instance,
  argv: readonly string[],
): Promise<string | undefined> {
  const ran = exec(host, instance, argv, { timeoutMs: outputMs });
  return (await orNothing(ran, (error) => isFailure(error) && !isNoEngine(error)))?.stdout;
}

/** A command line that runs a program as root in an instance, for a caller that starts it by itself. */
export function execArgv(instance: Instance, argv: readonly string[]): string[] {
  return engineArgv(instance.engine, execArgs(instance, argv));
}

function execArgs(instance: Instance, argv: readonly string[]): string[] {
  return ["exec", labelOf(instance), "--mode", "non-interactive", "--", ...argv];
}

/** One range of an instance's id map, as in `volatile.idmap.current`. */
export interface IdMapRange {
  /** Whether it maps user ids. */
  Isuid: boolean;
  /** The first id on the host. */
  Hostid: number;
  /** The first id in the container. */
  Nsid: number;
  /** The number of ids. */
  Maprange: number;
}

/**
 * The host uid of a container's user, from the container's id map.
 *
 * @throws {UserError} when the map does not hold the user
 */
export function hostUid(idMap: readonly IdMapRange[], uid: number): number {
  const range = idMap.find(({ Isuid, Nsid, Maprange }) => Isuid && uid >= Nsid && uid < Nsid + Maprange);
  if (!range) {
    throw new UserError(`The container's id map has no user ${uid}`, {
      hint: "It must be unprivileged: remove security.privileged and raw.idmap from its profile",
    });
  }
  return range.Hostid + uid - range.Nsid;
}

/** The host uid that a user of an instance will have, which has not run. Both are in decimal. */
export function nextHostUid({ config }: Pick<InstanceInfo, "config">, uid: string): string {
  return String(hostUid(JSON.parse(config["volatile.idmap.next"] ?? "[]"), Number(uid)));
}

/**
 * The global address of a running instance, see {@linkcode InstanceInfo}.
 *
 * @throws {UserError} when it has none
 */
export async function instanceAddress(host: Host, instance: Instance): Promise<string> {
  return await host.look("<ADDRESS>", async () => {
    const found = await findInstance(host, instance, { withState: true });
    if (found?.address !== undefined) return found.address;
    throw await noAddressError(host, found ?? { ...instance, expanded_devices: {} });
  });
}

/** The error for an instance without an address. Its hint names the firewalls that are there, or the usual causes. */
export async function noAddressError(
  host: Host,
  { engine, name, expanded_devices: devices }: Pick<InstanceInfo, "engine" | "name" | "expanded_devices">,
): Promise<UserError> {
  return new UserError(`The container "${name}" has no address`, {
    hint: await networkHint(host, { engine, devices }) ??
      "See whether its profile has a nic device, and whether a firewall (ufw, firewalld, Docker's) drops the bridge's DHCP or IPv6",
  });
}
