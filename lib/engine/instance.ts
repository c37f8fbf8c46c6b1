/** Instances (containers): what the engine says about them, and how their configuration and devices are changed. */

import { isFailure, isNoEngine, isProcessError, NoEngine, orElse, orNothing, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { all } from "../base/promises.ts";
import { configIn, type Device, devicesIn, listIn, tableIn, textIn } from "./answer.ts";
import { networkHint } from "./bridge.ts";
import {
  type Engine,
  engineAt,
  engineCalled,
  engineClis,
  environmentOf,
  type Instance,
  isNotReady,
  labelOf,
  listMembers,
  query,
  type QueryLimits,
  request,
  run,
} from "./engine.ts";
import { isInstanceName } from "./instance_name.ts";
import { delay } from "@std/async";

export interface InstanceInfo extends Instance {
  project?: string;
  description: string;
  /** "Running", "Stopped", "Frozen", …; "Error" while its member of the cluster does not answer. */
  status: string;
  /** The member of the cluster that it is on; "none" on a server that is in no cluster. */
  location: string;
  /** When it was made, ISO 8601. */
  created_at: string;
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

/** The configuration key that keeps the engine from removing an instance. Copies inherit it. */
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
    const json = await Promise.race([answer, lost.then((lost) => lost ? Promise.reject(lostError(lost)) : answer)]);
    if (json === undefined) return undefined;
    // Another machine's server could call it anything, and records and paths have the name in them.
    const parsed = { ...parseInstance(engine, json), name };
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
 * How long to wait for the answer about one instance before asking whether its member of the cluster is lost, in
 * milliseconds. About an instance of a lost member, the others answer after 10 s, or never if they have not reached
 * that member before: EventListenerWait() of Incus 6.0.4, internal/server/cluster/events.go.
 */
const patienceMs = 1_500;

/** The engines whose servers are in no cluster. */
const inNoCluster = new WeakSet<Engine>();

/** The instance, if its member is lost. The remaining members answer at once with the list of all. */
async function findLost(
  host: Host,
  { engine, name }: Instance,
  limits?: QueryLimits,
): Promise<InstanceInfo | undefined> {
  return (await listInstances(host, engine, limits)).find((instance) => instance.name === name && isLost(instance));
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
export async function listInstances(host: Host, engine: Engine, limits?: QueryLimits): Promise<InstanceInfo[]> {
  return listIn(await query(host, engine, "/1.0/instances?recursion=1", limits))
    .map((json) => parseInstance(engine, json)).filter(({ name }) => isInstanceName(name));
}

/**
 * All instances of all projects of the server, without their addresses: they may share directories of the host. A user
 * who may use one project alone gets the instances of that.
 */
export async function listAllInstances(host: Host, engine: Engine, limits?: QueryLimits): Promise<InstanceInfo[]> {
  const anyProject = { ...engine, server: { ...engine.server, project: undefined } };
  const asked = query(host, anyProject, "/1.0/instances?recursion=1&all-projects=true", limits);
  const list = await orNothing(asked.then(listIn), isProcessError);
  return list?.map((json) => parseInstance(engine, json)) ?? await listInstances(host, engine, limits);
}

/**
 * The instances that may share directories of this machine: those of all its engines, in all projects, without their
 * addresses. Only `engine`, if it is this machine's, must answer; of another that runs and does not, the user is warned.
 *
 * @param options `mustAnswer`: whether each engine that runs must answer
 */
export async function listNeighbours(host: Host, engine: Engine, { mustAnswer = false } = {}): Promise<InstanceInfo[]> {
  const lists = engineClis.map(async (cli) => {
    if (engine.server.isLocal && engine.cli === cli) return await listAllInstances(host, engine);
    const asked = engineAt(host, { cli, remote: "local" })
      .then((other) => listAllInstances(host, other, { timeoutMs: 10_000 }));
    return await orElse(asked, isFailure, (error) => {
      if (isNoEngine(error)) return [];
      const unknown = `What containers of ${engineCalled(cli).product} share is not known: ${error.message}`;
      if (mustAnswer) throw new UserError(unknown, { hint: `See: ${cli} list`, output: error.output, cause: error });
      host.ui.warn(unknown);
      return [];
    });
  });
  return (await all(lists)).flat();
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
    // Root in a running instance can set this status, through the guest socket (Incus 7.0.2).
    status: textIn(instance.status).replace(/^Ready$/, "Running"),
    location: textIn(instance.location) || "none",
    created_at: textIn(instance.created_at),
    // All null while the member of the cluster that has it does not answer.
    config: configIn(instance.config),
    devices: devicesIn(instance.devices),
    expanded_devices: expanded,
    hasNetwork: Object.values(expanded).some(({ type }) => type === "nic"),
    address: addressOf("inet") ?? addressOf("inet6"),
  };
}

/** The kinds of cards that are on a network of the engine or the host. */
const sharedCards = ["bridged", "ipvlan", "macvlan", "ovn", "routed", "sriov"];

/**
 * Whether an instance reaches less than programs of the host do: it has no network card, or only cards with ACLs, or
 * cards that lead elsewhere than the host's network, such as a VPN's. ACLs of a whole bridge are not among its devices.
 */
export function isConfined({ expanded_devices }: Pick<InstanceInfo, "expanded_devices">): boolean {
  return !Object.values(expanded_devices).some(({ type, nictype = "", network, "security.acls": rules }) =>
    type === "nic" && (network || sharedCards.includes(nictype)) && !rules
  );
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
 * Adds devices to an instance, and values to its configuration, all or none.
 *
 * @param instance with its description: the engines would set a missing one to the empty text
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
 * The global address of a running instance, see {@linkcode InstanceInfo}.
 *
 * @throws {UserError} when it has none
 */
export async function instanceAddress(host: Host, instance: Instance): Promise<string> {
  return await host.look("<ADDRESS>", async () => {
    const info = await findInstance(host, instance, { withState: true });
    if (info?.address !== undefined) return info.address;
    throw await noAddressError(host, info ?? { ...instance, expanded_devices: {} });
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
