/** Small questions about files and texts. */

import { createHash } from "node:crypto";

/** Whether there is anything at `path`, a dangling link included. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** A short name for a text that no other text has: the first 8 bytes of its SHA-256, in hex. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
