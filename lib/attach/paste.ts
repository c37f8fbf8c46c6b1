/** `attach.ts --paste`: puts the text on the host's clipboard on a session's. */

import type { Container } from "../container/container.ts";
import { hostClipping, pasteIn, reportClipping } from "./session/clipping.ts";

/**
 * Puts the text on the host's clipboard on that of a live session.
 *
 * @param session its name; without one the only session, or the one that the user chooses
 * @returns the exit code
 */
export async function paste(container: Container, session: string | undefined): Promise<number> {
  const clipping = await hostClipping(container.host);
  await pasteIn(container, { session, clipping });
  reportClipping(container, clipping, `VERB on the clipboard of ${container.label} for a minute`);
  return 0;
}
