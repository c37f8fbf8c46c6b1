/** Which containers are ours, and what is where in one: its user, its paths, and the keys that create.ts leaves on it. */

import type { Engine } from "../engine/engine.ts";
import { findInstance, type Instance, listInstances } from "../engine/instance.ts";
import { UserError } from "../base/errors.ts";

/** The configuration key that marks instances and profiles as made by create.ts. */
export const markKey = "user.gui-container";

/** The key of instances, profiles and images that names the run of create.ts which made them. */
export const runKey = "user.gui-container.run";

/** The user in a container that apps run as, as in Ubuntu's images; its gid is its uid. */
export const containerUser = { name: "ubuntu", uid: 1000 } as const;

const home = `/home/${containerUser.name}`;

/** Paths in a container. */
export const containerPaths = {
  /** Sockets and logs of sessions, shared with the host. */
  xpra: `${home}/.xpra`,
  /** Files for both sides, shared with the host. */
  share: `${home}/share`,
  /** The files that map.ts lends. */
  maps: `${home}/maps`,
  /** The keys that may log in. */
  ssh: `${home}/.ssh`,
} as const;

/** Whether create.ts made the instance, or somebody marked it by hand as map.ts says. */
export function isOurs({ config }: Pick<Instance, "config">): boolean {
  return Boolean(config[markKey]);
}

/** All containers of ours, without their state, in the engine's order. */
export async function listOurs(engine: Engine): Promise<Instance[]> {
  return (await listInstances(engine)).filter(isOurs);
}

/**
 * The container of ours that is called `name`.
 *
 * @param options `withState`: see {@linkcode findInstance}; `exitCode`: that of the error
 * @throws {UserError} when there is none, or when it is not ours
 */
export async function findOurs(
  engine: Engine,
  name: string,
  { withState = false, exitCode }: { withState?: boolean; exitCode?: number } = {},
): Promise<Instance> {
  const instance = await findInstance(engine, name, { withState });
  const options = exitCode === undefined ? {} : { exitCode };
  if (!instance) {
    throw new UserError(`There is no container "${name}"`, {
      hint: `Make it with create.ts, or see ${engine.cli} list`,
      ...options,
    });
  }
  if (isOurs(instance)) return instance;
  throw new UserError(`The container "${name}" was not made by create.ts`, {
    hint: `Make one with it, or mark this one: ${engine.cli} config set ${name} ${markKey} true`,
    ...options,
  });
}
