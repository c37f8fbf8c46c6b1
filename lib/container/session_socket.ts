/** Sockets of sessions on the host: their paths, and how one is held although a container can replace it. */

import { join } from "@std/path";
import { inputError } from "../base/errors.ts";
import type { Held } from "../base/hold.ts";

/** How long the path of a Unix socket can be, in bytes: `sun_path` of unix(7) without its final zero. */
const maxSocketPath = 107;

/**
 * The path of a socket on the host.
 *
 * @param spare how many bytes its path must be shorter than the longest one
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
 * Holds a socket in a directory that a container can write. The container can put anything in its place at any time,
 * also a link to a socket of the host's: a connection by the path could end there, whatever was at the path just
 * before.
 *
 * @throws {Error} when it is not a socket
 */
export async function holdSocket(path: string): Promise<Held> {
  const held = (await import("../base/hold.ts")).hold(path);
  if (held.stat().isSocket()) return held;
  held.close();
  throw new Error("Something else is in the place of the session's socket");
}
