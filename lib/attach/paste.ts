/** The text on the host's clipboard is put on that of a session. */

import type { Container } from "../container/container.ts";
import { hostClipping, pasteIn, reportClipping } from "./session/clipping.ts";
import { chooseSession } from "./session/live_sessions.ts";

/**
 * Puts the text on the host's clipboard on that of a live session.
 *
 * @param session its name; without one the only session, or the one that the user chooses
 * @returns the exit code
 */
export async function paste(container: Container, session: string | undefined): Promise<number> {
  const clipping = await hostClipping(container.host);
  // Undefined when no session is named and there is not exactly one: then the user chooses one, or gets an error.
  await pasteIn(container, { session, clipping }) ??
    await pasteIn(container, { session: (await chooseSession(container)).session, clipping });
  reportClipping(container, clipping, `VERB on the clipboard of ${container.label}`);
  return 0;
}
