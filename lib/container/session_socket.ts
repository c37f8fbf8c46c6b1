/** Sockets of sessions on the host: their paths, and a handle that a container cannot redirect. */

import { join } from "@std/path";
import { inputError } from "../base/errors.ts";
import type { Held } from "../base/hold.ts";

/** The maximum length of a Unix socket's path, in bytes: `sun_path` of unix(7) without its final zero. */
const maxSocketPath = 107;

/**
 * The path of a socket on the host.
 *
 * @param spare how many bytes shorter than the maximum its path must be
 * @throws {UserError} exit code 2 when it is too long
 */
export function socketPath(directory: string, name: string, spare = 0): string {
  const path = join(directory, name);
  if (new TextEncoder().encode(path).length > maxSocketPath - spare) {
    throw inputError(
      `The path of the socket is longer than ${maxSocketPath - spare} bytes: "${path}"`,
      "Set $GUI_CONTAINER_MOUNTS to a shorter path",
    );
  }
  return path;
}

/**
 * Holds a socket in a directory that a container can write to. The container can replace it at any time, even by a link
 * to a socket of the host: a connection by path could end there, no matter what was checked just before.
 *
 * @throws {Error} when it is not a socket
 */
export async function holdSocket(path: string): Promise<Held> {
  const held = (await import("../base/hold.ts")).hold(path);
  if (held.stat().isSocket()) return held;
  held.close();
  throw new Error("Something else is in the place of the session's socket");
}
