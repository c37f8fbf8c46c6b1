/** Which container is meant, and where it is: on this machine or on another one. */

import { ExitCode, ProcessError, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { once } from "../base/settle.ts";
import { quoteWords } from "../base/shell_words.ts";
import { type Instance, labelOf } from "../engine/engine.ts";
import { type InstanceInfo, isHere } from "../engine/instance.ts";
import type { Container, KnownContainer } from "./container.ts";
import { localContainer } from "./local.ts";
import { findOurs } from "./ours.ts";
import { containerRecordPath, mountsOf } from "./paths.ts";
import { adviceOptions, type EngineOptions, findPlace, type Place } from "./place.ts";
import { parseUser, plannedUser } from "./user.ts";

/**
 * Finds out what a word on the command line means, `[REMOTE:]NAME`. By create.ts's record this takes no call of the
 * engine, unless the container is in a cluster, which may have moved it.
 *
 * @throws {UserError} exit code 2 for a word that is not a container's name, and for an unknown remote
 */
export async function resolveContainer(
  host: Host,
  options: EngineOptions & { word: string },
): Promise<Container> {
  const { record, server, ...place } = await findPlace(host, options);
  const { name } = place;
  const isAlone = server.isLocal && record?.location === "none";
  const known: KnownContainer = {
    ...place,
    plannedUser: parseUser(record?.user ?? "") ?? plannedUser,
    instance: once(() =>
      host.look(undefined, async () => {
        const engine = await place.engine;
        const instance = await findOurs(host, { engine, name }, { withState: server.isLocal });
        // Its server has joined a cluster since it was made.
        if (isAlone && !await isHere(host, instance)) throw hasMoved(place, instance);
        return instance;
      })
    ),
  };
  const isLocal = server.isLocal && (isAlone || await host.look(true, () => isOnThisMachine(known)));
  return isLocal ? localContainer(known) : await loadRemote(known);
}

/** The container of this name on a server. */
export async function containerOn(host: Host, instance: Instance): Promise<Container> {
  const { cli, server: { project } } = instance.engine;
  return await resolveContainer(host, { word: labelOf(instance), engine: cli, project });
}

/**
 * A container that the engine has just listed.
 *
 * @param options `bootTimeoutMs`: how long it may take to boot, in milliseconds
 */
export async function containerOf(
  host: Host,
  instance: InstanceInfo,
  { bootTimeoutMs }: { bootTimeoutMs?: number } = {},
): Promise<Container> {
  const { engine, name } = instance;
  const known: KnownContainer = {
    ...{ host, name, label: labelOf(instance), mounts: mountsOf(host, instance) },
    options: adviceOptions(engine),
    engine: Promise.resolve(engine),
    plannedUser,
    listed: instance,
    ...(bootTimeoutMs === undefined ? {} : { bootTimeoutMs }),
    instance: once(() => findOurs(host, instance, { withState: engine.server.isLocal })),
  };
  return await isHere(host, instance) ? localContainer(known) : await loadRemote(known);
}

/** Loaded only where it is needed: most containers are on this machine. */
async function loadRemote(known: KnownContainer): Promise<Container> {
  const { remoteContainer } = await import("./remote.ts");
  return remoteContainer(known);
}

/**
 * Whether the engine says that a container is on this machine. Where it does not answer, the directories are a sign:
 * create.ts makes those that are shared on this machine only.
 */
async function isOnThisMachine({ host, instance, mounts }: KnownContainer): Promise<boolean> {
  try {
    return await isHere(host, (await instance())!);
  } catch (error) {
    const noAnswer = error instanceof ProcessError ||
      error instanceof UserError && error.exitCode === ExitCode.noEngine;
    if (!noAnswer) throw error;
    return !await exists(mounts.directory) || await exists(mounts.xpra);
  }
}

function hasMoved({ label, mounts }: Place, { location }: InstanceInfo): UserError {
  const path = containerRecordPath(mounts);
  return new UserError(`The container "${label}" is on another machine now: on the member "${location}"`, {
    hint: `Its record says otherwise. Remove it, and run this again: rm ${quoteWords([path])}`,
  });
}
