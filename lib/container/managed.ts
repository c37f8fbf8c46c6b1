/** Managed containers: those that create.ts made, or that the user has marked, and the keys that mark them. */

import type { Host } from "../base/host.ts";
import {
  chooseEngine,
  engineClis,
  engineLine,
  type Instance,
  labelOf,
  otherEngine,
  wantedCli,
} from "../engine/engine.ts";
import { findInstance, type InstanceInfo, isLost, listInstances, listNeighbours } from "../engine/instance.ts";
import { isFailure, orElse, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { all } from "../base/promises.ts";
import type { EngineOptions } from "./address.ts";
import { mountsOf } from "./paths.ts";
import { withRemote } from "../engine/server.ts";

/** The configuration key that marks an instance or a profile as made by create.ts. */
export const markKey = "user.gui-container";

/** The key of an instance, a profile or an image with the id of the create.ts run that made it. */
export const runKey = "user.gui-container.run";

/** The key that marks a disposable copy. Its value is the name of the copied container. */
export const copyOfKey = "user.gui-container.copy-of";

/** Whether an instance or a profile has the mark, by create.ts or by hand. */
export function isManaged({ config }: Pick<InstanceInfo, "config">): boolean {
  return Boolean(config[markKey]);
}

/**
 * This user's managed containers and their copies, that is, those with directories on this machine: of the engine asked
 * for, else of all engines that answer.
 */
export async function listOwn(
  host: Host,
  options: EngineOptions & { remote?: string | undefined } = {},
): Promise<InstanceInfo[]> {
  const found = (await listOfAll(host, options)).filter(isManaged);
  const isOwn = await all(found.map((instance) => exists(mountsOf(host, instance).directory)));
  return found.filter((_, index) => isOwn[index]);
}

/** All instances, without their addresses: of the engine asked for, else of all engines that answer. */
export async function listOfAll(
  host: Host,
  options: EngineOptions & { remote?: string | undefined },
): Promise<InstanceInfo[]> {
  const list = async (engine: string | undefined): Promise<InstanceInfo[]> =>
    await listInstances(host, await chooseEngine(host, { ...options, engine }));
  if (options.remote !== undefined || wantedCli(host, options.engine) !== undefined) return await list(options.engine);
  const tried = await all(engineClis.map((cli) => orElse(list(cli), isFailure, (error) => error)));
  const failures = tried.filter(isFailure);
  if (failures.length === tried.length) return await list(undefined);
  // An engine that is not installed has no output.
  for (const { output, message } of failures) if (output !== "") host.ui.warn(message);
  return tried.flatMap((result) => isFailure(result) ? [] : result);
}

/**
 * The managed container called `name`.
 *
 * @param options `withState`: see {@linkcode findInstance}; `among`: instances of this machine that have just been
 * listed: the engine is asked only if the container is not among them
 * @throws {UserError} when there is no such container, or when create.ts did not make it
 */
export async function findManaged(
  host: Host,
  instance: Instance,
  { withState = false, among = [] }: { withState?: boolean; among?: readonly InstanceInfo[] } = {},
): Promise<InstanceInfo> {
  const { name, engine: { cli, server: { project = "default" } } } = instance;
  const isIt = (one: InstanceInfo): boolean => one.name === name && one.engine.cli === cli && one.project === project;
  const known = among.find((one) => isIt(one) && !isLost(one));
  const found = known ?? await findInstance(host, instance, { withState });
  const label = labelOf(instance);
  if (!found) throw await noContainer(host, instance);
  if (isManaged(found)) return found;
  const mark = engineLine(instance.engine, ["config", "set", label, `${markKey}=true`]);
  throw new UserError(`The container "${label}" was not made by create.ts`, {
    hint: `Make one with it, or mark this one: ${mark}`,
  });
}

/** The error for an instance that neither runs nor is stopped. */
export function unusableError(instance: Instance, status: string): UserError {
  const label = labelOf(instance);
  const line = (verb: string): string => engineLine(instance.engine, [verb, label]);
  if (status === "Frozen") return new UserError(`"${label}" is paused`, { hint: `Resume it: ${line("start")}` });
  return new UserError(`"${label}" neither runs nor is stopped: the engine says "${status}"`, {
    hint: `See its state: ${line("info")}`,
  });
}

/**
 * Asks for a managed container and its neighbours, which may share directories of this machine: in one query of its
 * engine if it is itself among them.
 *
 * @throws {UserError} as {@linkcode findManaged} does
 */
export async function findNeighbourhood(
  host: Host,
  instance: Instance,
): Promise<{ instance: InstanceInfo; neighbours: InstanceInfo[] }> {
  const { engine } = instance;
  const neighbours = listNeighbours(host, engine);
  const among = engine.server.isLocal ? await neighbours : [];
  const [found, others] = await all([findManaged(host, instance, { among }), neighbours]);
  return { instance: found, neighbours: others };
}

/** The error for a missing container. It names the other engine if the container is there. */
export async function noContainer(host: Host, instance: Instance): Promise<UserError> {
  const { engine, name } = instance;
  const label = labelOf(instance);
  const isOnRemote = label !== name;
  const other = isOnRemote ? undefined : otherEngine(engine);
  const isThere = other && await findInstance(host, { engine: other, name }).then(Boolean, () => false);
  const list = engineLine(engine, ["list", ...(isOnRemote ? [withRemote(engine.server, "")] : [])]);
  return new UserError(`There is no container "${label}" in ${engine.product}`, {
    hint: isThere
      ? `There is one in ${other.product}: use --engine=${other.cli}`
      : `Make it with create.ts, or see ${list}`,
  });
}
