/** The names of sessions and of their sockets. */

import { join } from "@std/path";
import { inputError } from "../base/errors.ts";
import { isSessionName } from "../container/names.ts";

export { sessionNameOf } from "../container/names.ts";

/** Longest path of a Unix socket, in bytes: `sun_path` of unix(7) without its final zero. */
const longestSocketPath = 107;

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

/**
 * The path of a session's socket on the host.
 *
 * @throws {UserError} exit code 2 when it is longer than a socket's path can be
 */
export function socketPath(xpraDirectory: string, name: string): string {
  const path = join(xpraDirectory, name);
  if (new TextEncoder().encode(path).length > longestSocketPath) {
    throw inputError(
      `The path of the socket is longer than ${longestSocketPath} bytes: "${path}"`,
      "Set $GUI_CONTAINER_MOUNTS to a shorter path",
    );
  }
  return path;
}
