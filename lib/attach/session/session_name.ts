/** The names of sessions. */

import { inputError } from "../../base/errors.ts";
import { isSessionName } from "../../container/names.ts";

export { sessionNameOf } from "../../container/names.ts";

/**
 * Checks a name that the user gives to a session.
 *
 * @throws {UserError} exit code 2
 */
export function checkSessionName(name: string): void {
  if (isSessionName(name)) return;
  throw inputError(
    `"${name}" cannot be the name of a session`,
    'Use up to 64 letters, digits, "_", "." and "-"; do not end in ".log", ".service" or ".socket"',
  );
}

/** A new id for a run of attach.ts that starts a session. */
export function newRun(): string {
  return crypto.randomUUID().slice(0, 8);
}
