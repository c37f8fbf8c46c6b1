/**
 * The runs of attach.ts on this host that show or serve sessions, and the guards of windows, which may outlive them.
 * Each has a record in its private directory, and takes commands there. The container has no part in it.
 */

import { join } from "@std/path";
import { UserError } from "../../base/errors.ts";
import { readJson, writeJson } from "../../base/json_file.ts";
import type { Container } from "../../container/container.ts";
import type { Host } from "../../base/host.ts";
import { isInUse, privateDirectories } from "../../container/private_directory.ts";
import type { ChannelName } from "../../channels/table.ts";
import { commandNames, obeyCommands, sendCommand } from "../../guard/commands.ts";
import { attachLine } from "./advice.ts";
import { channelNamesOf, recordChannels } from "../../settings/channels.ts";
import { noteChannels, noteMs } from "./live_sessions.ts";
import type { Permissions } from "./permissions.ts";

/** The record of a run or a guard. */
export interface SessionRecord {
  /** The directory of the container's mounts. */
  mounts: string;
  container: string;
  session: string;
  /** When each channel with a time limit closes, ISO 8601. Only a run has it, not a guard. */
  until?: Readonly<Record<ChannelName, string>>;
}

/** The channels that a run has closed, and those that it cannot close. */
export interface DenyAnswer {
  closed: ChannelName[];
  stays: ChannelName[];
}

/** The file name of a record. */
export const recordName = "session.json";

/** How long a run or a guard may take to answer, in milliseconds: longer than a guard waits for an app. */
const answerMs = 8_000;

/**
 * Sends a command to the run or the guard with this private directory, and returns its answer.
 *
 * @throws when there is no answer before the signal aborts
 */
export async function sendTo(
  directory: string,
  container: Container,
  request: unknown,
  signal = AbortSignal.any([container.host.signal, AbortSignal.timeout(answerMs)]),
): Promise<unknown> {
  return await sendCommand(directory, { request, own: join(await container.directory(), "answer"), signal });
}

/**
 * Lets the user list and close a run's channels, until the end of this value's scope. Records what is closed.
 *
 * @param options `stays`: the channels that it cannot close
 */
export async function openToCommands(
  container: Container,
  { session, permissions, asks, stays = new Set() }: {
    session: string;
    permissions: Permissions;
    asks: ReadonlySet<ChannelName>;
    stays?: ReadonlySet<ChannelName>;
  },
): Promise<AsyncDisposable> {
  const { host, label, mounts, history } = container;
  const obey = ({ deny }: { deny: ChannelName[] }): DenyAnswer => {
    // Only the container's record tells whether channels in `stays` were ever open.
    const closed = permissions.close(new Set(deny).difference(stays));
    if (closed.length > 0) host.ui.status(`Closed by --deny: ${channelNamesOf(new Set(closed)).join(", ")}`);
    return { closed, stays: deny.filter((name) => stays.has(name)) };
  };
  let path: string | undefined;
  let watcher: Deno.FsWatcher | undefined;
  let writing = Promise.resolve();
  const write = (): void => {
    const ends = [...permissions.ends()].map(([channel, ms]) => [channel, new Date(ms).toISOString()]);
    const until = Object.fromEntries(ends);
    const record: SessionRecord = { mounts: mounts.directory, container: label, session, until };
    writing = writing.then(() => path === undefined ? undefined : writeJson(path, record)).catch(warn);
  };
  const warn = (error: Error): void =>
    host.ui.warn(`attach.ts --list and --deny do not reach this run: ${error.message}`);
  let channels = recordChannels(permissions.open, asks);
  let noting: Promise<unknown> = Promise.resolve();
  permissions.onChange = () => {
    write();
    const now = recordChannels(permissions.open, asks);
    if (now === channels) return;
    channels = now;
    history.add({ kind: "session", what: "goes on with less", session, channels });
    // Even at the end of the run. Nothing on this host depends on the container's record.
    noting = noting.then(() => {
      const cleaning = host.forCleanup(AbortSignal.timeout(noteMs));
      return noteChannels(container, { host: cleaning, session, channels: now });
    }).catch(() => {});
  };
  try {
    const own = await container.directory();
    // Without the watcher, --deny reports that this run does not answer.
    path = join(own, recordName);
    await Deno.mkdir(join(own, commandNames.directory), { recursive: true, mode: 0o700 });
    watcher = obeyCommands(own, obey);
  } catch (error) {
    // For example, the limit of inotify watches is reached. The session is shown nevertheless.
    warn(error as Error);
  }
  write();
  await writing;
  return {
    async [Symbol.asyncDispose]() {
      permissions.onChange = () => {};
      permissions.end();
      watcher?.close();
      await Promise.all([writing, noting]);
      if (path !== undefined) await Deno.remove(path).catch(() => {});
    },
  };
}

/** A record with the private directory that it is in. */
type FoundRecord = SessionRecord & { directory: string };

/** A run of attach.ts. */
export type KnownRun = FoundRecord & Required<SessionRecord>;

/** The records of live runs and guards. */
async function findRecords(host: Pick<Host, "env">): Promise<FoundRecord[]> {
  const found = await Promise.all((await privateDirectories(host)).map(async (directory) => {
    const record = await readJson(join(directory, recordName)) as SessionRecord | undefined | null;
    return record && await isInUse(directory) ? [{ ...record, directory }] : [];
  }));
  return found.flat();
}

export async function findRuns(host: Pick<Host, "env">): Promise<KnownRun[]> {
  return (await findRecords(host)).filter((record): record is KnownRun => record.until !== undefined);
}

/** The private directories of a container's guards, by session. */
export async function guardsOf({ host, mounts }: Pick<Container, "host" | "mounts">): Promise<Map<string, string>> {
  const guards = (await findRecords(host)).filter((one) => one.until === undefined && one.mounts === mounts.directory);
  return new Map(guards.map(({ session, directory }) => [session, directory]));
}

/**
 * Tells a run to close channels. Returns undefined if the run has ended.
 *
 * @throws {UserError} when the run does not answer, for example since Ctrl-Z has stopped it
 */
export async function denyInRun(
  container: Container,
  { run: { directory, session }, channels }: { run: KnownRun; channels: readonly ChannelName[] },
  signal?: AbortSignal,
): Promise<DenyAnswer | undefined> {
  const { host, label } = container;
  try {
    return await sendTo(directory, container, { deny: channels }, signal) as DenyAnswer;
  } catch (cause) {
    host.signal.throwIfAborted();
    if (!await isInUse(directory)) return undefined;
    throw new UserError(
      `The run that shows "${session}" of "${label}" does not answer: its channels may still be open`,
      {
        hint: `If it is stopped, type fg there. To end the session: ${attachLine(container, "--stop", session)}`,
        cause,
      },
    );
  }
}
