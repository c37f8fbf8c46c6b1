/** `attach.ts --copy`: puts the text on a session's clipboard on the host's. */

import type { Container } from "../container/container.ts";
import { copyOut, reportClipping } from "./session/clipping.ts";

/**
 * Puts the text on the clipboard of a live session on the host's.
 *
 * @param session its name; without one the only session, or the one that the user chooses
 * @returns the exit code
 */
export async function copy(container: Container, session: string | undefined): Promise<number> {
  reportClipping(container, await copyOut(container, session), `from ${container.label} VERB on the clipboard`);
  return 0;
}
