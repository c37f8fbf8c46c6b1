/**
 * Windows on a Wayland compositor of an app on another machine. Nothing can show them a second time: they last no
 * longer than this run and its connection, and so does the app.
 */

import { abortable } from "@std/async";
import { UserError } from "../../base/errors.ts";
import type { WindowsEnd } from "../../guard/closing.ts";
import type { Container } from "../../container/container.ts";
import { stopAtEnd, stopSessions } from "../session/live_sessions.ts";
import { closedFromOutside } from "../session/outcome.ts";
import { sessionScript } from "../session/protocol.ts";
import type { WaylandClient } from "./client.ts";

/**
 * Waits for the end of a session. If the run is to end before, ends the session.
 *
 * @returns how its windows have ended
 * @throws {UserError} when its windows are gone, since they were closed or the connection is lost
 */
export async function awaitRemoteEnd(
  container: Container,
  { session, client }: { session: string; client: WaylandClient },
): Promise<WindowsEnd> {
  const { host, label } = container;
  // The container may answer anything at any time: its answer only means that it is worth looking. It fails with the
  // connection.
  const asked = container.script({ script: sessionScript("await", { session }), timeoutMs: Infinity });
  try {
    const over = Promise.race([asked.catch(() => {}).then(() => false), client.ended.then(() => true)]);
    const isClosed = await host.look(false, () => abortable(over, host.signal));
    if (await container.isLost()) {
      throw new UserError(`The connection to "${label}" is lost, and with it the windows of "${session}"`, {
        hint: "Its app ends as well. Over X, apps run on and their windows come back: --display x11",
      });
    }
    if (!isClosed) {
      await client[Symbol.asyncDispose]();
      return await client.ended;
    }
    await stopSessions(container, [session]);
    throw closedFromOutside(container, { session });
  } catch (error) {
    if (host.signal.aborted) await endWithRun(container, session);
    throw error;
  }
}

async function endWithRun(container: Container, session: string): Promise<void> {
  const { host } = container;
  try {
    await stopAtEnd(container, session);
    host.ui.status(`"${session}" is stopped: its windows last no longer than this run`);
  } catch {
    host.ui.warn(`"${session}" could not be stopped. It ends by itself when its container finds the connection closed`);
  }
}
