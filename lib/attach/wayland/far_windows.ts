/**
 * Windows on a Wayland compositor of an app on another machine. waypipe's two ends go on when a broken connection is
 * mended. But nothing can show the windows a second time: they last no longer than this run, and so does the app.
 */

import { attachLine } from "../advice.ts";
import { abortable } from "@std/async";
import { join } from "@std/path";
import awaitEnd from "../await_end.sh" with { type: "text" };
import reconnect from "../reconnect_wayland.sh" with { type: "text" };
import { ProcessError, UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import type { Place } from "../../container/place.ts";
import { sshScript, Unreachable } from "../../container/ssh.ts";
import { containerPaths } from "../../container/user.ts";
import { stopSessions } from "../live_sessions.ts";
import { findWayAgain, type Way } from "../way.ts";
import type { WaylandClient } from "./client.ts";

/** How long a session may take to end at the end of the run, in milliseconds. */
const stopDeadlineMs = 15_000;

/**
 * Gives the container a socket that leads to the client.
 *
 * @param name its base name, which begins with the client's `transport`
 * @returns its path
 */
export async function lendSocket({ target, remote }: Way, client: WaylandClient, name: string): Promise<string> {
  const path = join(containerPaths(target.user).xpra, name);
  await remote!.link.lend(path, client.socket);
  return path;
}

/**
 * Waits for the end of a session, also when the connection breaks meanwhile. If the run is to end before, ends the
 * session.
 *
 * @param way how the container is reached so far; `scope` gets each connection that takes its place
 * @returns true
 */
export async function awaitFarEnd(
  host: Host,
  { place, way, scope }: { place: Place; way: Way; scope: AsyncDisposableStack },
  { session, client }: { session: string; client: WaylandClient },
): Promise<true> {
  const { target } = way;
  try {
    for (let count = 2;; count++) {
      // Nothing is told by what the container answers, or by when: only that it is worth looking.
      const asked = sshScript(host, target, { script: awaitEnd, values: { session }, timeoutMs: Infinity });
      const isClosed = await abortable(
        Promise.race([
          asked.catch(() => {}).then(() => false),
          way.remote!.link.ended.then(() => false),
          client.ended.then(() => !host.dryRun),
        ]),
        host.signal,
      );
      if (isClosed) {
        // The session's waypipe would wait for another one.
        await stopSessions(host, target, [session]);
        throw new UserError(`The windows of "${session}" were closed from outside`, {
          hint: `To see what the app printed: ${attachLine(target, "--logs", session)}`,
        });
      }
      if (!await way.remote!.link.isLost()) return true;
      way = await findWayAgain(host, place, way, scope);
      try {
        const socket = await lendSocket(way, client, `${client.transport}-${count}`);
        await sshScript(host, target, { script: reconnect, values: { session, socket } });
      } catch (error) {
        // Without a session there is nothing to connect; without a connection, the next one is to be waited for.
        if (error instanceof ProcessError) return true;
        if (!(error instanceof Unreachable)) throw error;
      }
    }
  } catch (error) {
    if (host.signal.aborted) await endWithRun(host, way, session);
    throw error;
  }
}

/** Ends a session at the end of the run. */
async function endWithRun(host: Host, { target }: Way, session: string): Promise<void> {
  try {
    await stopSessions(host.forCleanup(AbortSignal.timeout(stopDeadlineMs)), target, [session]);
    host.ui.status(`"${session}" is stopped: its windows last no longer than this run`);
  } catch {
    host.ui.warn(`"${session}" could not be stopped. It ends ten minutes after the connection broke`);
  }
}
