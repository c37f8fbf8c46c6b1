/**
 * Windows on a Wayland compositor of an app on another machine. waypipe's two ends go on when a broken connection is
 * mended. But nothing can show the windows a second time: they last no longer than this run, and so does the app.
 */

import { attachLine } from "../advice.ts";
import { abortable } from "@std/async";
import awaitEnd from "./await_end.sh" with { type: "text" };
import reconnect from "./reconnect_wayland.sh" with { type: "text" };
import { ProcessError, UserError } from "../../base/errors.ts";
import type { Container } from "../../container/container.ts";
import { Unreachable } from "../../container/ssh.ts";
import { stopAtEnd, stopSessions } from "../session/live_sessions.ts";
import type { WaylandClient } from "./client.ts";

/**
 * Waits for the end of a session, also when the connection breaks meanwhile. If the run is to end before, ends the
 * session.
 *
 * @returns true
 */
export async function awaitRemoteEnd(
  container: Container,
  { session, client }: { session: string; client: WaylandClient },
): Promise<true> {
  const { host } = container;
  try {
    for (let count = 2;; count++) {
      // The container's answer, and its time, say nothing but that it is worth looking.
      const asked = container.script({ script: awaitEnd, values: { session }, timeoutMs: Infinity });
      const isClosed = await abortable(
        Promise.race([
          asked.catch(() => {}).then(() => false),
          container.whenLost().then(() => false),
          client.ended.then(() => !host.dryRun),
        ]),
        host.signal,
      );
      if (isClosed) {
        // The session's waypipe would wait for another one.
        await stopSessions(container, [session]);
        throw new UserError(`The windows of "${session}" were closed from outside`, {
          hint: `To see what the app printed: ${attachLine(container, "--logs", session)}`,
        });
      }
      if (!await container.isLost()) return true;
      await container.reconnect();
      try {
        const socket = await container.lendSocket(client.socket, `${client.transport}-${count}`);
        await container.script({ script: reconnect, values: { session, socket } });
      } catch (error) {
        // Without a session there is nothing to connect; without a connection, the next one is to be waited for.
        if (error instanceof ProcessError) return true;
        if (!(error instanceof Unreachable)) throw error;
      }
    }
  } catch (error) {
    if (host.signal.aborted) await endWithRun(container, session);
    throw error;
  }
}

/** Ends a session at the end of the run. */
async function endWithRun(container: Container, session: string): Promise<void> {
  const { host } = container;
  try {
    await stopAtEnd(container, session);
    host.ui.status(`"${session}" is stopped: its windows last no longer than this run`);
  } catch {
    host.ui.warn(`"${session}" could not be stopped. It ends ten minutes after the connection broke`);
  }
}
