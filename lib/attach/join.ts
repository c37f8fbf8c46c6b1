/** An app is run in a live session. */

import { UserError } from "../base/errors.ts";
import type { Container } from "../container/container.ts";
import { attachLine } from "./advice.ts";
import { chooseSession, joinSession } from "./session/live_sessions.ts";

/**
 * Runs an app in a live session, and returns when the app ends.
 *
 * @param options `session`: its name; without one the only session, or the one that the user chooses
 * @returns the exit code
 * @throws {UserError} when there is no such session or app, and when the app fails
 */
export async function join(
  container: Container,
  { app, session: wanted }: { app: readonly string[]; session: string | undefined },
): Promise<number> {
  // Undefined when no session is named and there is not exactly one: then the user chooses one, or gets an error.
  const joined = await joinSession(container, { session: wanted, app }) ??
    await joinSession(container, { session: (await chooseSession(container)).session, app });
  const { session, status } = joined!;
  if (status === 0) return 0;
  throw new UserError(`"${app[0]}" ended with exit status ${status}`, {
    hint: `What it printed is in the session's log: ${attachLine(container, "--logs", session)}`,
  });
}
