/** Files and directories of the host: whether they are there, their mode, and removing them. */

import { UserError } from "./errors.ts";
import { quoteWords } from "./shell_words.ts";

/** Whether there is something at `path`. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The permission bits of what is at `path`, with set-ID and sticky bits. */
export async function modeOf(path: string): Promise<number> {
  return (await Deno.stat(path)).mode! & 0o7777;
}

/** Removes directories, innermost first, unless something is in them; what is gone already is no matter. */
export async function removeEmpty(paths: readonly string[]): Promise<void> {
  for (const path of [...paths].reverse()) await Deno.remove(path).catch(() => {});
}

/**
 * Removes what is at `path` with all that is in it; nothing happens when it is gone.
 *
 * @throws {UserError} for a directory that the container has closed to the host user
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    throw new UserError(`What the container has closed to you in "${path}" cannot be removed`, {
      hint: `Remove it as root: sudo rm -rf ${quoteWords([path])}`,
      cause: error,
    });
  }
}
