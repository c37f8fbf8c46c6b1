/** The container engine: LXD (`lxc`) or Incus (`incus`), through its CLI. What differs between the two is in one table. */

import { createHash } from "node:crypto";
import { ExitCode, inputError, ProcessError, type ProcessResult, UserError } from "./errors.ts";
import type { Host, RunOptions } from "./host.ts";
import { quoteWord } from "./words.ts";

/** The CLI that drives the containers. */
export type EngineCli = "lxc" | "incus";

/** What differs between the two. */
export interface EngineKind {
  /** "LXD" or "Incus". */
  readonly product: string;
  /** What is launched when nothing else is asked for. */
  readonly defaultImage: string;
  /** The group whose members may use it. */
  readonly group: string;
  /** The command that sets it up. */
  readonly init: string;
  /** What to do when an image gives cloud-init no user-data. */
  readonly userDataHint: string;
}

const engines: Readonly<Record<EngineCli, EngineKind>> = {
  lxc: {
    product: "LXD",
    defaultImage: "ubuntu:",
    group: "lxd",
    init: "sudo lxd init --auto",
    userDataHint:
      'If its image reads it from LXD\'s socket, take security.devlxd: "false" out of the profile; else choose another by --image',
  },
  incus: {
    product: "Incus",
    defaultImage: "images:ubuntu/24.04/cloud",
    group: "incus-admin",
    init: "sudo incus admin init --auto",
    // cloud-init 25.1 looks for LXD's socket alone.
    userDataHint:
      "Choose one whose templates make files for cloud-init by --image: the cloud variant of one of images:",
  },
};

/** An engine that is spoken to. */
export interface Engine extends EngineKind {
  /** The outside that its CLI is run by. */
  readonly host: Host;
  /** Its program. */
  readonly cli: EngineCli;
}

/** A range of an instance's id map, as the engine keeps it in `volatile.idmap.current`. */
export interface IdMapRange {
  /** It maps user ids. */
  Isuid: boolean;
  /** It maps group ids. */
  Isgid: boolean;
  /** First id on the host. */
  Hostid: number;
  /** First id in the container. */
  Nsid: number;
  /** How many ids. */
  Maprange: number;
}

/** What the engine knows of an instance. */
export interface Instance {
  /** Unique within its engine. */
  name: string;
  /** "Running", "Stopped", "Frozen", … */
  status: string;
  /** Its own configuration, without what its profiles give. */
  config: Readonly<Record<string, string>>;
  /** The instance's own devices. */
  devices: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Its global IPv4 address; undefined while it has none. */
  ipv4: string | undefined;
  /** It has a network card, by itself or by a profile. */
  hasNetwork: boolean;
}

/** A device as the engine's API takes it. */
export type Device = Readonly<Record<string, string>>;

/**
 * Which engine to use: the one that is asked for by option or by `$GUI_CONTAINER_ENGINE`, else the first that answers,
 * `lxc` before `incus`.
 *
 * @throws {UserError} exit code 125 when none answers, 2 for a name that is neither
 */
export async function chooseEngine(host: Host, wanted: string | undefined): Promise<Engine> {
  const choice = wanted ?? host.env("GUI_CONTAINER_ENGINE");
  if (choice !== undefined) {
    if (choice !== "lxc" && choice !== "incus") {
      throw inputError(`There is no engine "${choice}"`, "Use lxc or incus, with --engine or $GUI_CONTAINER_ENGINE");
    }
    return engineCalled(host, choice);
  }
  if (host.dryRun) return engineCalled(host, "lxc");
  const failures: UserError[] = [];
  for (const cli of ["lxc", "incus"] as const) {
    const engine = engineCalled(host, cli);
    try {
      await query(engine, "/1.0");
      return engine;
    } catch (error) {
      if (error instanceof UserError) failures.push(error);
      else if (!(error instanceof ProcessError)) throw error;
    }
  }
  throw failures.find(({ output }) => output !== "") ?? new UserError("Neither LXD nor Incus is installed", {
    hint: `Install one of them: "sudo snap install lxd" and "${engines.lxc.init}", or the package incus`,
    exitCode: ExitCode.noEngine,
  });
}

/** The engine of a CLI, whether it answers or not. */
export function engineCalled(host: Host, cli: EngineCli): Engine {
  return { host, cli, ...engines[cli] };
}

/** What an engine tells of itself. */
export interface ServerState {
  /** As in `5.0.2`. */
  version: string;
  /** We may use a project of our own only. */
  restricted: boolean;
  /** What it has found wanting in the host, each in a line. */
  warnings: string[];
}

/**
 * Asks an engine about itself.
 *
 * @throws {UserError} with exit code 125 when it does not answer
 */
export async function serverState(engine: Engine): Promise<ServerState> {
  const { environment } = await query(engine, "/1.0") as { environment: { server_version: string; project: string } };
  // Incus gives each user that is only in the group "incus" a project of that name, and no warnings.
  const restricted = environment.project.startsWith("user-");
  const warnings = restricted ? [] : await query(engine, "/1.0/warnings?recursion=1") as {
    type: string;
    last_message: string;
  }[];
  return {
    version: environment.server_version,
    restricted,
    warnings: warnings.map(({ type, last_message: message }) => `${type}: ${message}`),
  };
}

/** The other one of the two engines. */
export function otherEngine({ host, cli }: Engine): Engine {
  return engineCalled(host, cli === "lxc" ? "incus" : "lxc");
}

/** The same engine, spoken to through another host: for cleaning up. */
export function engineOn(engine: Engine, host: Host): Engine {
  return { ...engine, host };
}

/**
 * The instance called `name`; undefined when there is none. One call.
 *
 * @param options `withAddress: false` asks for no state. There is none to be had while an instance fails to start (Incus
 * 6.0.4: "Invalid PID")
 */
export async function findInstance(
  engine: Engine,
  name: string,
  { withAddress = true }: { withAddress?: boolean } = {},
): Promise<Instance | undefined> {
  const found = await query(engine, `/1.0/instances/${name}${withAddress ? "?recursion=1" : ""}`);
  return found === undefined ? undefined : parseInstance(found);
}

/** All instances, without their state. */
export async function listInstances(engine: Engine): Promise<Instance[]> {
  return ((await query(engine, "/1.0/instances?recursion=1") ?? []) as unknown[]).map(parseInstance);
}

/** What the engine knows of a profile. */
export interface EngineProfile {
  /** Its own configuration, without what its profiles give. */
  config: Readonly<Record<string, string>>;
  /** By name. */
  devices: Readonly<Record<string, Device>>;
  /** API paths of the instances and profiles that use it. */
  used_by: readonly string[];
}

/** The profile called `name`; undefined when there is none. */
export async function findProfile(engine: Engine, name: string): Promise<EngineProfile | undefined> {
  return await query(engine, `/1.0/profiles/${name}`) as EngineProfile | undefined;
}

/** An image of the engine's own store. */
export interface Image {
  /** SHA-256, in hexadecimal. */
  fingerprint: string;
  /** When it was made, ISO 8601. */
  created_at: string;
  /** Bytes. */
  size: number;
  /** What was said of it when it was made. */
  properties: Readonly<Record<string, string>> | null;
}

/** The local images that have all of `properties`. */
export async function findImages(engine: Engine, properties: Readonly<Record<string, string>>): Promise<Image[]> {
  const images = (await query(engine, "/1.0/images?recursion=1") ?? []) as Image[];
  return images.filter((image) =>
    Object.entries(properties).every(([key, value]) => image.properties?.[key] === value)
  );
}

/** Removes a local image; one that is gone already is no matter. */
export async function deleteImage(engine: Engine, fingerprint: string): Promise<void> {
  try {
    await run(engine, ["image", "delete", fingerprint], { stdin: "null" });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/**
 * A hash of an image, local or of a remote, and a text that goes with it: SHA-256 over the image's fingerprint, a line
 * end, and the text.
 *
 * @throws {UserError} when there is no such image
 */
export async function imageHash(engine: Engine, image: string, text: string): Promise<string> {
  return await engine.host.value([engine.cli, "image", "info", image], {
    stdin: "null",
    variable: "RECIPE",
    filter: `| { sed -n 's/^Fingerprint: //p'; printf %s ${quoteWord(text)}; } | sha256sum | cut -d ' ' -f 1`,
    parse(stdout) {
      const fingerprint = /^Fingerprint: ([0-9a-f]{64})$/m.exec(stdout)?.[1];
      if (fingerprint) return createHash("sha256").update(`${fingerprint}\n${text}`).digest("hex");
      throw new UserError(`The engine does not know the image "${image}"`, { hint: `See ${engine.cli} image list` });
    },
  });
}

/** Stops an instance and makes a local image of it. Returns the image's fingerprint, as a word for a command line. */
export async function publish(
  engine: Engine,
  name: string,
  properties: Readonly<Record<string, string>>,
): Promise<string> {
  await run(engine, ["stop", name], { stdin: "null" });
  return await engine.host.value([
    engine.cli,
    "publish",
    name,
    "--compression",
    "none",
    ...Object.entries(properties).map(([key, value]) => `${key}=${value}`),
  ], {
    stdin: "null",
    variable: "IMAGE",
    filter: "| sed -n 's/.*fingerprint: //p'",
    parse: (stdout) => /fingerprint: ([0-9a-f]+)/.exec(stdout)?.[1] ?? "",
  });
}

/** Waits for what the engine itself still does with an instance, at most a minute each. */
export async function waitForOperations(engine: Engine, name: string): Promise<void> {
  type Operation = { id: string; class: string; resources: Record<string, string[]> | null };
  const all = (await query(engine, "/1.0/operations?recursion=1") ?? {}) as Record<string, Operation[]>;
  for (const { id, class: kind, resources } of all.running ?? []) {
    // A program that runs in the instance is an operation of the class "websocket", and ends with it.
    if (kind !== "task") continue;
    const paths = Object.values(resources ?? {}).flat();
    if (paths.some((path) => path.split("?")[0]!.endsWith(`/${name}`))) {
      await query(engine, `/1.0/operations/${id}/wait?timeout=60`);
    }
  }
}

/**
 * Makes a profile that bears this configuration from the start: it is known whose it is even when the run ends before
 * {@linkcode setProfile}, which takes a profile of any size.
 *
 * @throws {UserError} when there is one of that name
 */
export async function createProfile(
  engine: Engine,
  name: string,
  config: Readonly<Record<string, string>>,
): Promise<void> {
  try {
    await request(engine, "POST", "/1.0/profiles", { name, config });
  } catch (error) {
    if (!(error instanceof ProcessError) || !/already exists/i.test(error.stderr)) throw error;
    throw new UserError(`There is a profile "${name}" already`, {
      hint: "Another program has just made it: choose another name, or run it again to be asked about the profile",
      cause: error,
    });
  }
}

/** Replaces what a profile holds, by the YAML text that `lxc profile edit` takes. */
export async function setProfile(engine: Engine, name: string, yaml: string): Promise<void> {
  await run(engine, ["profile", "edit", name], { stdin: { text: yaml } });
}

/** Removes a profile. */
export async function deleteProfile(engine: Engine, name: string): Promise<void> {
  await run(engine, ["profile", "delete", name], { stdin: "null" });
}

/**
 * Makes an instance and starts it.
 *
 * @throws {UserError} when there is no such image
 */
export async function launch(
  engine: Engine,
  name: string,
  options: { image: string; profiles: readonly string[]; config: Readonly<Record<string, string>> },
): Promise<void> {
  try {
    await run(engine, [
      "launch",
      options.image,
      name,
      ...options.profiles.flatMap((profile) => ["--profile", profile]),
      ...Object.entries(options.config).flatMap(([key, value]) => ["--config", `${key}=${value}`]),
    ], { stdin: "null" });
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    throw new UserError(`${engine.product} cannot make the container "${name}" from the image "${options.image}"`, {
      hint: `See whether there is such an image (${engine.cli} image list), and what ${engine.product} says`,
      output: error.output,
      cause: error,
    });
  }
}

/** Starts a stopped instance. */
export async function startInstance(engine: Engine, name: string): Promise<void> {
  await run(engine, ["start", name], { stdin: "null" });
}

/** Stops an instance if need be and removes it. */
export async function deleteInstance(engine: Engine, name: string): Promise<void> {
  await run(engine, ["delete", "--force", name], { stdin: "null" });
}

/** Adds devices to an instance, all or none, in one call. */
export async function addDevices(
  engine: Engine,
  name: string,
  devices: Readonly<Record<string, Device>>,
): Promise<void> {
  await request(engine, "PATCH", `/1.0/instances/${name}`, { devices });
}

/** Takes devices away from an instance. */
export async function removeDevices(engine: Engine, name: string, devices: readonly string[]): Promise<void> {
  if (devices.length > 0) await run(engine, ["config", "device", "remove", name, ...devices], { stdin: "null" });
}

/** Runs a program as root inside of an instance. */
export async function exec(
  engine: Engine,
  name: string,
  argv: readonly string[],
  options: RunOptions,
): Promise<ProcessResult> {
  return await run(engine, ["exec", name, "--mode", "non-interactive", "--", ...argv], options);
}

/** The argument list of {@linkcode exec}, for a caller that wants one value of it. */
export function execArgv(engine: Engine, name: string, argv: readonly string[]): string[] {
  return [engine.cli, "exec", name, "--mode", "non-interactive", "--", ...argv];
}

/**
 * The id on the host of the user `uid` of a container, from the container's own id map.
 *
 * @throws {UserError} when the map does not have it
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

/** {@linkcode hostUid} of an instance that the engine knows, as a word for a command line. */
export async function instanceHostUid(engine: Engine, name: string, uid: number): Promise<string> {
  return await engine.host.value([engine.cli, "config", "get", name, "volatile.idmap.current"], {
    stdin: "null",
    variable: "HOST_UID",
    filter: `| tr '{' '\\n' | sed -n 's/.*"Isuid":true.*"Hostid":\\([0-9]*\\),"Nsid":0,.*/\\1/p' | ` +
      `while read -r first; do echo $((first + ${uid})); done`,
    parse: (stdout) => String(hostUid(JSON.parse(stdout), uid)),
  });
}

/**
 * The global IPv4 address of a running instance, as a word for a command line.
 *
 * @throws {UserError} when it has none
 */
export async function instanceAddress(engine: Engine, name: string): Promise<string> {
  return await engine.host.value([engine.cli, "query", `/1.0/instances/${name}?recursion=1`], {
    stdin: "null",
    variable: "IPV4",
    filter: `| awk -F '"' '/"address"/ { a = $4 } /"scope": "global"/ && a !~ /:/ { print a; exit }'`,
    parse(stdout) {
      const { ipv4 } = parseInstance(JSON.parse(stdout));
      if (ipv4 !== undefined) return ipv4;
      throw noAddressError(name);
    },
  });
}

/** The error for an instance that gets no address, with the usual causes. */
export function noAddressError(name: string): UserError {
  return new UserError(`The container "${name}" has no IPv4 address`, {
    hint:
      "See whether its profile has a nic device, and whether a firewall (ufw, firewalld, Docker's) drops the bridge's DHCP",
  });
}

/** The profile as YAML text, for putting it back with {@linkcode setProfile}. */
export async function showProfile(engine: Engine, name: string): Promise<string> {
  return (await run(engine, ["profile", "show", name], { stdin: "null", looksOnly: true })).stdout;
}

/** Runs the engine's CLI; what it answers becomes an error of ours. */
async function run(engine: Engine, args: readonly string[], options: RunOptions): Promise<ProcessResult> {
  try {
    return await engine.host.run([engine.cli, ...args], options);
  } catch (error) {
    throw explain(engine, error);
  }
}

/** A change by the engine's API, waited for. */
async function request(engine: Engine, method: "PATCH" | "POST", path: string, data: unknown): Promise<void> {
  const body = JSON.stringify(data);
  await run(engine, ["query", "--request", method, "--wait", "--data", body, path], { stdin: "null" });
}

/** GET of the engine's API; undefined for "not found", and in a dry run. */
async function query(engine: Engine, path: string): Promise<unknown> {
  try {
    const { stdout } = await run(engine, ["query", path], { stdin: "null", looksOnly: true });
    return stdout === "" ? undefined : JSON.parse(stdout);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof ProcessError && /not found/i.test(error.stderr);
}

/** Tells apart: no engine (125), and what the engine itself refused (1). */
function explain(engine: Engine, error: unknown): unknown {
  const { product, group, init } = engines[engine.cli];
  if (error instanceof UserError && error.exitCode === ExitCode.missingProgram) {
    return new UserError(`The engine's program "${engine.cli}" is not installed`, {
      hint: `Install ${product}, or choose the other engine with --engine`,
      exitCode: ExitCode.noEngine,
      cause: error,
    });
  }
  if (!(error instanceof ProcessError)) return error;
  if (/permission denied/i.test(error.stderr) && /unix\.socket/.test(error.stderr)) {
    return new UserError(`You may not use ${product}`, {
      hint: `Join its group, then log in again: sudo usermod --append --groups ${group} "$USER"`,
      exitCode: ExitCode.noEngine,
      output: error.output,
      cause: error,
    });
  }
  if (/unix\.socket|doesn't appear to be (started|running)/i.test(error.stderr)) {
    return new UserError(`${product} does not answer`, {
      hint: `Start it; if it was never set up: ${init}`,
      exitCode: ExitCode.noEngine,
      output: error.output,
      cause: error,
    });
  }
  return error;
}

function parseInstance(json: unknown): Instance {
  const instance = json as {
    name: string;
    status: string;
    config: Record<string, string>;
    devices: Record<string, Record<string, string>>;
    expanded_devices: Record<string, Record<string, string>>;
    state?: { network?: Record<string, { addresses: { family: string; scope: string; address: string }[] }> };
  };
  const addresses = Object.values(instance.state?.network ?? {}).flatMap(({ addresses }) => addresses);
  return {
    name: instance.name,
    status: instance.status,
    config: instance.config,
    devices: instance.devices,
    hasNetwork: Object.values(instance.expanded_devices).some(({ type }) => type === "nic"),
    ipv4: addresses.find(({ family, scope }) => family === "inet" && scope === "global")?.address,
  };
}

/**
 * Checks a container's name by the engines' own rule: 1 to 63 letters, digits and dashes, starting with a letter and not
 * ending in a dash (RFC 1123 host names, without a leading digit).
 *
 * @throws {UserError} exit code 2
 */
export function checkInstanceName(name: string): void {
  if (!/^[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(name)) {
    throw inputError(
      `"${name}" cannot be the name of a container`,
      'Use 1 to 63 letters, digits and "-"; start with a letter, do not end in "-"',
    );
  }
}
