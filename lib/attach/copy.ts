/** The text on the clipboard of a session is put on the host's. */

import type { Container } from "../container/container.ts";
import { copyOut, reportClipping } from "./session/clipping.ts";
import { chooseSession } from "./session/live_sessions.ts";

/**
 * Puts the text on the clipboard of a live session on the host's.
 *
 * @param session its name; without one the only session, or the one that the user chooses
 * @returns the exit code
 */
export async function copy(container: Container, session: string | undefined): Promise<number> {
  // Undefined when no session is named and there is not exactly one: then the user chooses one, or gets an error.
  const clipping = await copyOut(container, session) ??
    await copyOut(container, (await chooseSession(container)).session);
  reportClipping(container, clipping!, `from ${container.label} VERB on the clipboard`);
  return 0;
}
