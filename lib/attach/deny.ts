/** `attach.ts --deny NAME CHANNEL,…`: closes channels of running sessions at once. The container has no part in it. */

import { abortable } from "@std/async";
import { inputError, UserError } from "../base/errors.ts";
import type { Container } from "../container/container.ts";
import { type ChannelName, channelsWith } from "../channels/table.ts";
import { attachLine } from "./session/advice.ts";
import {
  channelNamesOf,
  channelWords,
  checkCanClose,
  isChannelList,
  parseChannels,
  recordChannels,
  recordedChannels,
} from "../settings/channels.ts";
import { findSession, noteChannels, noteMs } from "./session/live_sessions.ts";
import { type DenyAnswer, denyInRun, findRuns, guardsOf, type KnownRun } from "./session/runs.ts";
import { closeInGuard } from "./wayland/ask_guard.ts";
import { exists } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import type { Arguments } from "../cli/options.ts";
import { mountsIn } from "../container/paths.ts";

/** Channels that stay open with the windows after the run has ended, and that no guard can close. */
const staying = new Set(channelsWith(({ lasts, load }) => lasts === "windows" && load));

/** The options that may be combined with it. */
const besides: readonly string[] = [
  ...["deny", "session", "engine", "project"],
  ...["dry-run", "verbose", "quiet", "yes", "json"],
];

/**
 * The request of a command line, if it is one: the value of `--deny` is not a list of channels, but the only word is.
 * Otherwise `--deny` is about a session to show. A container named like a channel must be given with its remote:
 * `local:links`.
 *
 * @returns the channels to close, and the container, `[REMOTE:]NAME`
 * @throws {UserError} exit code 2
 */
export async function readDenial(
  host: Pick<Host, "env">,
  { flags, values, positionals, rest }: Arguments<string>,
): Promise<{ word: string; channels: ChannelName[] } | undefined> {
  const word = values.get("deny");
  const [list, ...more] = [...positionals, ...rest];
  if (word === undefined || isChannelList(word) || list === undefined || more.length > 0) return undefined;
  // Whether a container of this name was made on this host.
  const isMade = /^[\w:-]{1,200}$/.test(word) && await exists(mountsIn(host, word).directory);
  const channels = isChannelList(list) || isMade ? parseChannels(list) : [];
  if (channels.length === 0) {
    throw inputError(`Neither "${word}" nor "${list}" is a list of channels`, `Use ${channelWords.join(", ")}`);
  }
  const other = [...flags.keys(), ...values.keys()].find((name) => !besides.includes(name));
  if (other !== undefined) {
    throw inputError(`--${other} cannot be used with --deny NAME`, "Leave one of them out. See attach.ts --help");
  }
  channels.forEach(checkCanClose);
  return { word, channels };
}

/**
 * Closes channels of the sessions of a container, or of one.
 *
 * @returns the exit code
 * @throws {UserError} when no session is shown or served on this host, or when something stays open
 */
export async function deny(
  container: Container,
  { channels, session }: { channels: readonly ChannelName[]; session: string | undefined },
): Promise<number> {
  const { host, label, mounts, history } = container;
  const names = (of: Iterable<ChannelName>): string => channelNamesOf(new Set(of)).join(", ");
  await host.change(`attach.ts: close ${names(channels)} of ${label}`, async () => {
    const isMeant = (name: string): boolean => session === undefined || name === session;
    // Must precede the search for runs: a run takes commands before its guard is known.
    const guarded = (await guardsOf(container)).keys().filter(isMeant);
    const runs = (await findRuns(host)).filter((run) => run.mounts === mounts.directory && isMeant(run.session));
    const sessions = [...new Set([...runs.map((run) => run.session), ...guarded])].sort();
    if (sessions.length === 0) {
      const which = session === undefined ? "a session" : `the session "${session}"`;
      throw new UserError(`No run of attach.ts on this host shows ${which} of "${label}"`, {
        hint: `To see what runs: ${attachLine(container, "--list")}`,
      });
    }
    // Sequentially: this run has one socket for the answers.
    const results = await Array.fromAsync(
      sessions,
      (session) => denyIn(container, { session, channels, runs: runs.filter((run) => run.session === session) }),
    );
    host.ui.result(
      results.map(({ session, closed, failures }) =>
        `${session}: ${names(closed) || (failures.length > 0 ? "nothing was closed" : "nothing was open")}`
      ).join("\n"),
      results.map(({ session, closed }) => ({ container: label, session, closed })),
    );
    for (const { session, closed, isServed } of results) {
      if (isServed || closed.length === 0) continue;
      history.add({ kind: "session", what: "goes on with less", session });
      const signal = AbortSignal.any([host.signal, AbortSignal.timeout(noteMs)]);
      await abortable(noteClosed(container, { session, closed, signal }), signal).catch(() => {});
    }
    const [first, ...more] = results.flatMap(({ failures }) => failures);
    for (const error of more) host.ui.warn(error.message, { security: true });
    if (first) throw first;
  });
  return 0;
}

/**
 * Closes channels of a session. A failure, or a guard that hangs, does not keep the other channels open.
 *
 * @returns `isServed`: whether a run serves the session, and so records what is closed; `failures`: why something may
 * still be open
 */
async function denyIn(
  container: Container,
  { session, runs, channels }: { session: string; runs: readonly KnownRun[]; channels: readonly ChannelName[] },
) {
  const { host } = container;
  const closed = new Set<ChannelName>();
  const failures: Error[] = [];
  let isServed = false;
  const fail = (error: unknown): DenyAnswer => {
    host.signal.throwIfAborted();
    failures.push(error as Error);
    return { closed: [], stays: [] };
  };
  const hint = `To end the session: ${attachLine(container, "--stop", session)}`;
  const failToClose = (stays: ReadonlySet<ChannelName>): void => {
    const what = `The channel ${channelNamesOf(stays).join(", ")} of "${session}" may still be open`;
    if (stays.size > 0) fail(new UserError(`${what}: the run that began it has ended`, { hint }));
  };
  for (const run of runs) {
    const answer = await denyInRun(container, { run, channels }).catch(fail);
    if (!answer) continue;
    isServed = true;
    answer.closed.forEach((channel) => closed.add(channel));
    failToClose(new Set(answer.stays));
  }
  // Must follow the runs: a run whose guard is not known yet closes the guard's channels itself.
  if ((await guardsOf(container)).has(session)) {
    const inGuard = await closeInGuard(container, { session, channels }).catch((error) => fail(error).closed);
    inGuard.forEach((channel) => closed.add(channel));
    if (!isServed) failToClose(new Set(channels).intersection(staying));
  }
  return { session, closed: [...closed], isServed, failures };
}

/** Records what a guard has closed, as a run would. Nothing on this host depends on the container's record. */
async function noteClosed(
  container: Container,
  { session, closed, signal }: { session: string; closed: readonly ChannelName[]; signal: AbortSignal },
): Promise<void> {
  if (await container.status() !== "Running") return;
  const host = container.host.forCleanup(signal);
  const live = await findSession(container, session, { host, mayAsk: false });
  if (!live) return;
  const { open, asks } = recordedChannels(live.channels);
  const channels = recordChannels(open.difference(new Set(closed)), asks);
  await noteChannels(container, { host, session, channels });
}
