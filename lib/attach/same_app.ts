/**
 * Starts an app that already runs in a live session once more in that session, where an app such as Firefox opens
 * another window in its single process. In another session, such an app would find its profile in use.
 */

import { inputError, lineOf } from "../base/errors.ts";
import { splitWords } from "../base/shell_words.ts";
import { scriptLine } from "../container/address.ts";
import type { Container } from "../container/container.ts";
import type { ChannelName } from "../channels/table.ts";
import { isLauncher, sessionNameOf } from "../container/names.ts";
import { EndedWithSession, EndedWithStatus, join } from "./join.ts";
import { keepForLater, reattach } from "./reattach.ts";
import type { StartRequest } from "../settings/request.ts";
import { channelLine, channelNamesOf, recordChannels, recordedChannels } from "../settings/channels.ts";
import { displays } from "../settings/displays.ts";
import { listSessions, type LiveSession } from "./session/live_sessions.ts";
import { appOutcome } from "./session/outcome.ts";

/** Where to run an app: in a live session in which it already runs, or in a new one of this name. */
export interface Place {
  session: string;
  live?: LiveSession;
}

/**
 * Finds the place for the app of a request. No other run may start the same program meanwhile.
 *
 * @throws {UserError} exit code 2 when it already runs, but only with another display or other channels
 */
export async function findPlace(container: Container, request: StartRequest): Promise<Place> {
  const { app, session: wanted, detached, isDisposable } = request;
  const name = wanted ?? sessionNameOf(app[0]!);
  if (isDisposable || detached && wanted !== undefined) return { session: name };
  // Mostly, the sockets on this host tell, and the container need not be asked.
  const seen = await container.seenSessions();
  if (seen && !(wanted === undefined ? seen.length > 0 : seen.includes(wanted))) return { session: name };
  // On another machine, this opens the connection that the rest uses too.
  await container.connect();
  const all = await listSessions(container);
  const live = detached ? undefined : sameAppOf(all, { ...container, request });
  return live ? { session: live.session, live } : { session: wanted ?? freeName(name, all) };
}

/** The first of `name`, `name-2`, … that no session has. */
function freeName(name: string, sessions: readonly LiveSession[]): string {
  let tried = name;
  for (let count = 2; sessions.some(({ session }) => session === tried); count++) tried = `${name}-${count}`;
  return tried;
}

/** The live session in which the app of a request already runs; with the requested name, if one is given. */
function sameAppOf(
  sessions: readonly LiveSession[],
  { label, engine, request }: Pick<Container, "label" | "engine"> & { request: StartRequest },
): LiveSession | undefined {
  const { app, session, display, open, asks, joinsAny } = request;
  const found = sessions.filter((live) =>
    session === undefined
      ? isSameApp(wordsOf(live), app)
      // For a program that runs others, the name tells what it runs.
      : live.session === session && programOf(wordsOf(live)) === programOf(app)
  );
  const isOtherDisplay = (live: LiveSession): boolean => display !== "auto" && display !== live.display;
  const isLike = (live: LiveSession, wanted: ReadonlySet<ChannelName>): boolean =>
    !isOtherDisplay(live) && live.channels === recordChannels(wanted, asks);
  // A session without a client gets the channels of the next one.
  const isFree = (live: LiveSession): boolean =>
    !isOtherDisplay(live) && !displays[live.display].windowsStay && live.clients === 0 && !live.isServed;
  // Channels may have been closed since, or expired: nothing is opened that is not asked for.
  const hasLess = (live: LiveSession): boolean => isLike(live, recordedChannels(live.channels).open.intersection(open));
  const same = found.find((live) => joinsAny === true || isFree(live) || isLike(live, open)) ?? found.find(hasLess);
  if (same || found.length === 0) return same;
  const [other] = found as [LiveSession];
  const recorded = recordedChannels(other.channels);
  const how = isOtherDisplay(other)
    ? `over ${displays[other.display].title}`
    : `with other channels: ${channelLine(recorded.open, recorded.asks).replace(/^Open channels: /, "")}`;
  const line = scriptLine(engine, ["attach.ts", "--join", `--session=${other.session}`, label, "--", ...app]);
  throw inputError(
    `"${app[0]}" runs in the session "${other.session}" of "${label}" ${how}`,
    `To start it there: ${line}. For a session of its own: --session NAME`,
  );
}

/** Starts an app in the session in which it already runs; shows that session if no run does. Returns the exit code. */
export async function startAgain(
  container: Container,
  { live: { session, display, clients, isServed, channels }, request }: { live: LiveSession; request: StartRequest },
): Promise<number> {
  const { host } = container;
  const { app, userOptions, box } = request;
  const isShown = clients > 0 || isServed;
  const lacks = channelNamesOf(isShown ? request.open.difference(recordedChannels(channels).open) : new Set());
  const without = lacks.length > 0 ? `, which has no ${lacks.join(", ")}` : "";
  host.ui.status(`"${app[0]}" already runs: it opens in its session "${session}"${without}`);
  if (isShown) await keepForLater(container, request.border);
  // A menu entry may have such options: do not fail on them.
  const late = isShown || displays[display].windowsStay ? [...userOptions, ...box ? [] : ["--no-box"]] : [];
  if (late.length > 0) host.ui.warn(`${late.join(" ")} has no effect: the windows are shown already`);
  if (isShown && request.times?.size) {
    host.ui.warn(`The times of --allow have no effect: "${session}" is shown already, with its channels`);
  }
  const startedMs = performance.now();
  const isStopped = async (): Promise<boolean> =>
    (await appOutcome(container, session).catch(() => undefined))?.stopped ?? false;
  const joining = join(container, { app, session, isShownHere: !isShown }).catch(async (error) => {
    if (!(error instanceof EndedWithStatus) || performance.now() - startedMs < soonMs) throw error;
    if (!await isStopped()) host.ui.status(error.message);
    return 0;
  });
  if (isShown) return await joining;
  joining.catch(async (error) => {
    // The run of the session itself reports its end.
    if (error instanceof EndedWithSession || host.signal.aborted) return;
    if (!await isStopped()) host.ui.warn(lineOf(error));
  });
  return await reattach(container, { ...request, session, ...late.length > 0 ? { userOptions: [], box: true } : {} });
}

/**
 * An app that ends before this time has failed, in milliseconds. After it, the user may have closed its window, at
 * which terminals exit with status 1; nobody knows here which windows belong to it.
 */
const soonMs = 3_000;

/** The words of a session's app; none if the container does not report them. */
export function wordsOf({ app }: Pick<LiveSession, "app">): string[] {
  try {
    return splitWords(app);
  } catch {
    return [];
  }
}

/** Whether two command lines are the same app: by their program or, if that runs others, by all words. */
export function isSameApp(one: readonly string[], other: readonly string[]): boolean {
  const name = programOf(one);
  if (isLauncher(name)) return one.length === other.length && one.every((word, index) => word === other[index]);
  return name === programOf(other);
}

/** The name of a program. Debian's "firefox" runs "firefox-esr", like its desktop entry. */
function programOf([program = ""]: readonly string[]): string {
  return program.slice(program.lastIndexOf("/") + 1).replace(/-esr$/, "");
}
