/** Our containers: which ones they are, and the keys that mark them. */

import { type Engine, engineLine, otherEngine } from "../engine/engine.ts";
import { findInstance, type Instance, isLost, listInstances, listNeighbours } from "../engine/instance.ts";
import { UserError } from "../base/errors.ts";
import { all } from "../base/settle.ts";
import { labelOf } from "../engine/server.ts";

/** The configuration key that marks an instance or a profile as made by create.ts. */
export const markKey = "user.gui-container";

/** The key of an instance, a profile or an image with the id of the create.ts run that made it. */
export const runKey = "user.gui-container.run";

/**
 * The key of an instance that shares no directory with this machine: when it was started last, as of the start of its
 * last session. By it, whoever lists sessions knows without asking the instance that it has none.
 */
export const sessionKey = "user.gui-container.session";

/** Whether an instance or a profile has our mark, by create.ts or by hand. */
export function isOurs({ config }: Pick<Instance, "config">): boolean {
  return Boolean(config[markKey]);
}

/** All our containers, without their addresses, in the engine's order. */
export async function listOurs(engine: Engine): Promise<Instance[]> {
  return (await listInstances(engine)).filter(isOurs);
}

/**
 * Our container called `name`.
 *
 * @param options `withState`: see {@linkcode findInstance}; `exitCode`: the exit code of the error; `among`: what the
 * engine has just said of the instances of this server: it is asked only if the container is not among them
 * @throws {UserError} when there is no such container, or when it is not ours
 */
export async function findOurs(
  engine: Engine,
  name: string,
  { withState = false, exitCode, among = [] }: {
    withState?: boolean;
    exitCode?: number;
    among?: readonly Instance[];
  } = {},
): Promise<Instance> {
  const { project = "default" } = engine.server;
  const known = among.find((one) => one.name === name && one.project === project && !isLost(one));
  const instance = known ?? await findInstance(engine, name, { withState });
  const options = exitCode === undefined ? {} : { exitCode };
  const label = labelOf(engine.server, name);
  const command = (...args: string[]): string => engineLine(engine, args);
  if (!instance) throw await noContainer(engine, name, options);
  if (isOurs(instance)) return instance;
  throw new UserError(`The container "${label}" was not made by create.ts`, {
    hint: `Make one with it, or mark this one: ${
      command("config", "set", labelOf(engine.server, name), `${markKey}=true`)
    }`,
    ...options,
  });
}

/** What the engine says of one of our containers, and of all that may share directories of this machine. */
export interface Neighbourhood {
  /** The container. */
  instance: Instance;
  /** The instances, in all projects. */
  neighbours: Instance[];
}

/**
 * Asks the engine for one of our containers and for its {@linkcode Neighbourhood}: one question, where the container is
 * itself one of those instances.
 *
 * @throws {UserError} as {@linkcode findOurs} does
 */
export async function findNeighbourhood(
  engine: Engine,
  name: string,
  options: { exitCode?: number } = {},
): Promise<Neighbourhood> {
  const neighbours = listNeighbours(engine);
  const among = engine.server.isLocal ? await neighbours : [];
  const [instance, others] = await all([findOurs(engine, name, { ...options, among }), neighbours]);
  return { instance, neighbours: others };
}

/** The error for a container that there is not. It names the other engine if that has it. */
export async function noContainer(
  engine: Engine,
  name: string,
  options: { exitCode?: number } = {},
): Promise<UserError> {
  const label = labelOf(engine.server, name);
  const isOnRemote = label !== name;
  const other = isOnRemote ? undefined : otherEngine(engine);
  const isThere = other && await findInstance(other, name).then(Boolean, () => false);
  const list = engineLine(engine, ["list", ...(isOnRemote ? [labelOf(engine.server, "")] : [])]);
  return new UserError(`There is no container "${label}" in ${engine.product}`, {
    hint: isThere
      ? `There is one in ${other.product}: use --engine=${other.cli}`
      : `Make it with create.ts, or see ${list}`,
    ...options,
  });
}
