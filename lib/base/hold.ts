/** Holds a file open: its handle stays this file's, whatever its path names later. */

import type { Stats } from "node:fs";

// In a single file, what is imported from node:fs in the first lines is loaded at each start, which takes 25 ms.
const { closeSync, fstatSync, openSync } = await import("node:fs");

export interface Held extends Disposable {
  /** A path to the file for this process and the programs that it starts. */
  handle: string;
  /**
   * What the file is now. `bornMs`: when it was made, in milliseconds since 1970; null where the file system does not
   * say.
   */
  stat(): Stats & { bornMs: number | null };
  close(): void;
}

/** The flags `O_PATH` and `O_NOFOLLOW` of open(2) on Linux: to hold a file without reading it takes no permission. */
const holdFlags = 0o10000000 | 0o400000;

/**
 * Holds what is at `path`; a symbolic link is not followed.
 *
 * @throws when there is nothing, or it cannot be reached, as node:fs does
 */
export function hold(path: string): Held {
  const fd = openSync(path, holdFlags);
  const stat = (): ReturnType<Held["stat"]> => {
    const stats = fstatSync(fd);
    return Object.assign(stats, { bornMs: stats.birthtimeMs > 0 ? stats.birthtimeMs : null });
  };
  const close = (): void => closeSync(fd);
  // In Deno 2.9, a descriptor of node:fs is one of the kernel's.
  return { handle: `/proc/${Deno.pid}/fd/${fd}`, stat, close, [Symbol.dispose]: close };
}
