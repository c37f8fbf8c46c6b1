/** Holds a file: the handle leads to it, whatever is at its path later. */

import type { Stats } from "node:fs";

// In a single file, what is imported from node:fs in the first lines is loaded at each start, which takes 25 ms.
const { closeSync, fstatSync, openSync } = await import("node:fs");

export interface Held {
  /** A path to the file for this process and the programs that it starts. */
  handle: string;
  /** What the file is now. */
  stat(): Stats;
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
  // In Deno 2.9, a descriptor of node:fs is one of the kernel's.
  return { handle: `/proc/${Deno.pid}/fd/${fd}`, stat: () => fstatSync(fd), close: () => closeSync(fd) };
}
