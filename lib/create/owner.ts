/**
 * Whose the directories of a container are. Those of containers of both engines, or of two projects, can have one name
 * on this host.
 */

import { isOurs } from "../container/ours.ts";
import type { Mounts } from "../container/mounts.ts";
import { type Engine, engineCalled, engineClis, type Instance, otherEngine } from "../engine/engine.ts";
import { findInstance, type InstanceInfo, listOwnInstances } from "../engine/instance.ts";
import { findServer, hasRemote } from "../engine/server.ts";
import { ExitCode, UserError } from "../base/errors.ts";

/** Whether an instance shares the directories. */
export function shares({ devices }: Pick<InstanceInfo, "devices">, { share }: Pick<Mounts, "share">): boolean {
  return Object.values(devices).some(({ source }) => source === share);
}

/**
 * Refuses directories that belong to a container of the same name elsewhere: in the other engine, or in another
 * project.
 *
 * @throws {UserError} names the engine
 */
export async function refuseOtherOwner(instance: Instance, mounts: Mounts): Promise<void> {
  const { engine } = instance;
  const other = engine.server.isLocal ? await findSharing(engine, mounts) : await findNamesake(instance);
  if (!other) return;
  throw new UserError(
    `The directories in "${mounts.directory}" belong to another container "${instance.name}", of ${other.product}`,
    { hint: "Name its engine with --engine, or its project with --project; for a new container, choose another name" },
  );
}

/** The engine of this machine with a container that shares the directories. */
async function findSharing({ host }: Engine, mounts: Mounts): Promise<Engine | undefined> {
  for (const cli of engineClis) {
    const engine = engineCalled(host, cli);
    if ((await listOwnInstances(engine)).some((instance) => shares(instance, mounts))) return engine;
  }
  return undefined;
}

/** The other engine, with a container of ours of that name on a remote of the same name. */
async function findNamesake({ engine, name }: Instance): Promise<Engine | undefined> {
  const { host, server: { remote, project = "default" } } = engine;
  const { cli } = otherEngine(engine);
  if (remote === undefined || !await hasRemote(host, cli, remote)) return undefined;
  const other = engineCalled(host, cli, await findServer(host, cli, { remote, project }));
  try {
    const instance = await findInstance({ engine: other, name });
    return instance && isOurs(instance) ? other : undefined;
  } catch (error) {
    // Without an answer, nothing says that there is one.
    if (error instanceof UserError && error.exitCode === ExitCode.noEngine) return undefined;
    throw error;
  }
}
