/** Finds the container that a word means, and whether it is on this machine or another. */

import { isNoEngine, isProcessError, orElse, UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import type { BootOptions } from "./connect.ts";
import type { Host } from "../base/host.ts";
import { once } from "../base/promises.ts";
import { quoteWords } from "../base/shell_words.ts";
import { type InstanceInfo, isHere } from "../engine/instance.ts";
import type { Container, KnownContainer } from "./container.ts";
import { type History, openHistory } from "./history.ts";
import { localContainer } from "./local.ts";
import { findManaged } from "./managed.ts";
import { containerRecordPath } from "./paths.ts";
import { readContainerRecord } from "./record.ts";
import { type Address, type EngineOptions, findAddress } from "./address.ts";
import { formatUser, parseUser, plannedUser, userOf } from "./user.ts";

/**
 * Finds the container that a word on the command line means: `[REMOTE:]NAME`. With create.ts's record, no engine is
 * asked, unless the container is in a cluster, which may have moved it.
 *
 * @throws {UserError} exit code 2 for a word that is not a container's name, and for an unknown remote
 */
export async function resolveContainer(
  host: Host,
  { keepsHistory, ...options }: EngineOptions & { word: string },
): Promise<Container> {
  return await containerAt(host, await findAddress(host, options), { keepsHistory });
}

/**
 * The container at an address.
 *
 * @param options `listed`: its state, if the engine has just listed it. For a copy that is being made: `history`: that
 * of the copied container; `made`: the copy's state, once it can be started
 */
export async function containerAt(
  host: Host,
  address: Address,
  { history, keepsHistory, made, listed, bootTimeoutMs, preload }: Pick<EngineOptions, "keepsHistory"> & BootOptions & {
    history?: History;
    made?: Promise<InstanceInfo | undefined>;
    listed?: InstanceInfo | undefined;
  } = {},
): Promise<Container> {
  const { engine: { server }, mounts } = address;
  const record = await readContainerRecord(mounts);
  const isAlone = !listed && server.isLocal && record?.location === "none";
  const recorded = parseUser(record?.user ?? "");
  const last = isAlone && !made && recorded ? { user: recorded, address: record?.address } : undefined;
  const known: KnownContainer = {
    ...address,
    host,
    listed,
    bootTimeoutMs,
    preload,
    last: await host.look(undefined, () => last),
    isNew: made !== undefined,
    history: history ?? openHistory(host, keepsHistory === false ? undefined : { name: address.hostName }),
    plannedUser: recorded ?? plannedUser,
    instance: once(() =>
      made ?? host.look(undefined, async () => {
        const instance = await findManaged(host, address, { withState: server.isLocal });
        // Its server has joined a cluster since the container was made.
        if (isAlone && !await isHere(host, instance)) {
          throw recordError(address, `is on another machine now: on the member "${instance.location}"`);
        }
        if (last?.address && formatUser(userOf(instance)) !== formatUser(last.user)) {
          throw recordError(address, `has another user now: "${userOf(instance).name}"`);
        }
        return instance;
      })
    ),
  };
  const isFound = async (): Promise<boolean> => listed ? await isHere(host, listed) : await isOnThisMachine(known);
  if (server.isLocal && (isAlone || await host.look(true, isFound))) return localContainer(known);
  // Loaded only if needed: most containers are on this machine.
  return (await import("./remote.ts")).remoteContainer(known);
}

/**
 * Whether the engine says that a container is on this machine. If the engine does not answer, the shared directories
 * tell: only a container on this machine has them.
 */
async function isOnThisMachine({ host, instance, mounts }: KnownContainer): Promise<boolean> {
  const isUnanswered = (error: unknown): error is Error => isProcessError(error) || isNoEngine(error);
  const asked = instance().then((found) => isHere(host, found!));
  const hasOwn = async (): Promise<boolean> => !await exists(mounts.directory) || await exists(mounts.sockets);
  return await orElse(asked, isUnanswered, hasOwn);
}

function recordError({ label, mounts }: Address, says: string): UserError {
  const path = containerRecordPath(mounts);
  return new UserError(`The container "${label}" ${says}`, {
    hint: `Its record says otherwise. Remove it, and run this again: rm ${quoteWords([path])}`,
  });
}
