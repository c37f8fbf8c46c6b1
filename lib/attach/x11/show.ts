/** Shows a session by xpra's client, and plays its sound, until it ends or the user detaches. */

import { attachLine, reattachLine } from "../advice.ts";
import type { Container } from "../../container/container.ts";
import { servePortals } from "../agent/serve.ts";
import { Unreachable } from "../../container/ssh.ts";
import { channelLine } from "../session/channels.ts";
import { type Client, type ClientEnd, type ClientOptions, startClient } from "./client.ts";
import { listSessions, stopAtEnd } from "../session/live_sessions.ts";
import { isLive, reportOutcome } from "../session/outcome.ts";
import { playSound } from "../session/sound.ts";

/**
 * Shows a session until it ends or the user detaches; also when the connection to it breaks meanwhile.
 *
 * @param shown `session`: its name; `isNew`: it was started for this; `client`: a client that waits for it; `why`: why
 * not by Wayland, where that is worth telling
 * @returns the exit code
 * @throws why it has ended, when that is not the end of its app
 */
export async function show(
  options: ClientOptions,
  { session, isNew, client, why }: { session: string; isNew: boolean; client: Client; why?: string | undefined },
): Promise<number> {
  const { container, open, asks, isDisposable } = options;
  const { host } = container;
  const runsOn = (): boolean => host.signal.aborted && !isDisposable;
  await using _portals = await servePortals(container, { ...options, session, runsOn });
  const line = channelLine(open, asks);
  host.ui.status(why === undefined ? line : `${line}; windows by X: ${why}`);
  let ended: ClientEnd;
  try {
    ended = await showOnce(options, { session, client });
  } catch (error) {
    if (isNew) await stopUnseen(container, session);
    throw error;
  }
  if (host.dryRun) return 0;
  if (!host.signal.aborted) ended = await showWhileLost(options, { session, ended });
  if (host.signal.aborted) {
    if (!isDisposable && await mayRunOn(container, session)) {
      host.ui.status(`Detached; the app runs on. To come back: ${reattachLine(container, { session, open, asks })}`);
    }
    throw host.signal.reason;
  }
  await reportOutcome(container, { session, client: ended, windows: options.memory.closing.end(), isNew });
  return 0;
}

/** Ends a session that could not be shown: nobody would see its app. The run may have to end, too. */
async function stopUnseen(container: Container, session: string): Promise<void> {
  const { host } = container;
  try {
    await stopAtEnd(container, session);
  } catch {
    host.ui.warn(`"${session}" could not be stopped. To try it again: ${attachLine(container, "--stop", session)}`);
  }
}

/** Shows a session until its client ends. */
async function showOnce(
  { container, open }: ClientOptions,
  { session, client }: { session: string; client: Client },
): Promise<ClientEnd> {
  await client.show(session);
  const player = open.has("sound") ? await playSound(container, session) : undefined;
  try {
    return await client.ended;
  } finally {
    player?.kill("SIGTERM");
  }
}

/**
 * Shows a session again for as often as the connection breaks.
 *
 * @param ended how the last client has ended
 * @returns how the very last one has. The run may have been ended meanwhile
 */
async function showWhileLost(
  options: ClientOptions,
  { session, ended }: { session: string; ended: ClientEnd },
): Promise<ClientEnd> {
  const { container } = options;
  try {
    while (await container.isLost()) {
      await container.reconnect();
      try {
        if (!(await listSessions(container)).some((live) => live.session === session)) break;
        await using client = await startClient(options);
        ended = await showOnce(options, { session, client });
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
      }
    }
  } catch (error) {
    if (!container.host.signal.aborted) throw error;
  }
  return ended;
}

/** Whether a session runs on when this run has been ended. */
async function mayRunOn(container: Container, session: string): Promise<boolean> {
  const seen = await container.seenSessions();
  if (seen) return seen.includes(session);
  const asking = container.on(container.host.forCleanup(AbortSignal.timeout(askDeadlineMs)));
  // Where nobody can be asked, it does as far as is known.
  return await isLive(asking, session).catch(() => true);
}

/** How long a container may take to say whether a session runs on, in milliseconds. */
const askDeadlineMs = 5_000;
