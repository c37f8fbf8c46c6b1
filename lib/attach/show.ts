/** A session is shown by xpra's client, until it ends or the user detaches, with its sound. */

import { attachLine, reattachLine } from "./advice.ts";
import { exists } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import type { Place } from "../container/place.ts";
import { Unreachable } from "../container/ssh.ts";
import { channelLine } from "./channels.ts";
import { type Client, type ClientEnd, type ClientOptions, startClient } from "./client.ts";
import { listSessions, stopSessions } from "./live_sessions.ts";
import { isLive, reportOutcome } from "./outcome.ts";
import { socketPath } from "./session_name.ts";
import { hasOwnSound, playRemoteSound, playSound } from "./sound.ts";
import { findWayAgain, sessionSocket, type Way } from "./way.ts";

/**
 * Shows a session until it ends or the user detaches; also when the connection to another machine breaks meanwhile.
 *
 * @param options `isNew`: the session was started for it; `client`: one that waits for a session
 * @returns the exit code
 * @throws why it has ended, when that is not the end of its app
 */
export async function show(
  host: Host,
  { place, way }: { place: Place; way: Way },
  { session, isNew, options, client, why, isDisposable = false }: {
    session: string;
    isNew: boolean;
    options: ClientOptions;
    client: Client;
    /** Why not by Wayland, where that is worth telling. */
    why?: string | undefined;
    isDisposable?: boolean;
  },
): Promise<number> {
  const { target } = way;
  const line = channelLine(options.open, options.userOptions, options.asks);
  host.ui.status(why === undefined ? line : `${line}; windows by X: ${why}`);
  let ended: ClientEnd;
  try {
    ended = await showOnce(host, way, { session, options, client });
  } catch (error) {
    if (isNew) await stopUnseen(host, way, session);
    throw error;
  }
  if (host.dryRun) return 0;
  await using scope = new AsyncDisposableStack();
  const last = way.remote && !host.signal.aborted
    ? await showWhileLost(host, { place, way, scope }, { session, options, ended })
    : { ended, way };
  if (host.signal.aborted) {
    if (!isDisposable && await mayRunOn(host, last.way, session)) {
      host.ui.status(`Detached; the app runs on. To come back: ${reattachLine(target, session)}`);
    }
    throw host.signal.reason;
  }
  await reportOutcome(host, last.way.target, { session, client: last.ended, isNew });
  return 0;
}

/** Ends a session that could not be shown: nobody would see its app. The run may have to end, too. */
async function stopUnseen(host: Host, { target }: Way, session: string): Promise<void> {
  try {
    await stopSessions(host.forCleanup(AbortSignal.timeout(stopDeadlineMs)), target, [session]);
  } catch {
    host.ui.warn(`"${session}" could not be stopped. To try it again: ${attachLine(target, "--stop", session)}`);
  }
}

/** How long a session that could not be shown may take to end, in milliseconds. */
const stopDeadlineMs = 15_000;

/** Shows a session until its client ends. */
async function showOnce(
  host: Host,
  way: Way,
  { session, options, client }: { session: string; options: ClientOptions; client: Client },
): Promise<ClientEnd> {
  const socket = await sessionSocket(way, session);
  const player = hasOwnSound(options.open)
    ? way.remote ? playRemoteSound(host, way.target, session) : playSound(host, socket)
    : undefined;
  try {
    await client.show(socket);
    return await client.ended;
  } finally {
    player?.kill("SIGTERM");
  }
}

/**
 * Shows a session on another machine again for as often as the connection breaks.
 *
 * @param ended how the last client has ended
 * @returns how the very last one has, and by which way. The run may have been ended meanwhile
 */
async function showWhileLost(
  host: Host,
  { place, way, scope }: { place: Place; way: Way; scope: AsyncDisposableStack },
  { session, options, ended }: { session: string; options: ClientOptions; ended: ClientEnd },
): Promise<{ way: Way; ended: ClientEnd }> {
  try {
    let isLost = await way.remote!.link.isLost();
    while (isLost) {
      way = await findWayAgain(host, place, way, scope);
      try {
        if (!(await listSessions(host, way.target)).some((live) => live.session === session)) break;
        await using client = await startClient(host, options);
        ended = await showOnce(host, way, { session, options, client });
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
      }
      isLost = await way.remote!.link.isLost();
    }
  } catch (error) {
    if (!host.signal.aborted) throw error;
  }
  return { way, ended };
}

/** Whether a session runs on when this run has been ended. */
async function mayRunOn(host: Host, { target, remote }: Way, session: string): Promise<boolean> {
  if (!remote) return await exists(socketPath(target.mounts.xpra, session));
  // Where nobody can be asked, it does as far as is known.
  return await isLive(host.forCleanup(AbortSignal.timeout(askDeadlineMs)), target, session).catch(() => true);
}

/** How long a container on another machine may take to say whether a session runs on, in milliseconds. */
const askDeadlineMs = 5_000;
