/** The first bytes of a connection: waypipe's ends find out from them whether they fit together. */

import { Violation } from "../faults.ts";
import type { Compression } from "./frames.ts";

/** How many there are: a word of flags and a random key. */
export const tokenBytes = 16;

/** The flags, as `src/util.h` of waypipe 0.9.2 names them. */
const flags = {
  fixed: 1 << 7,
  unset: 1 << 31,
  noGraphicsCard: 1 << 2,
  noVideo: 1 << 11,
  compression: { none: 1 << 8, zstd: 3 << 8 },
  compressionMask: 7 << 8,
} as const;

/** Version 16, in the upper half of the word: all versions of waypipe from 0.9 to 0.11 know it. */
const version = 1 << 16;

/**
 * Reads a token.
 *
 * @returns what passes in its place: the same key, for the oldest version, without graphics card, video and reconnecting
 * @throws {Violation} when it is none, or when the container's end compresses otherwise
 */
export function readToken(token: Uint8Array, compression: Compression): Uint8Array {
  const header = new DataView(token.buffer, token.byteOffset).getUint32(0, true);
  const isFitting = (header & flags.fixed) !== 0 && (header & flags.unset) === 0 &&
    (header & flags.compressionMask) === flags.compression[compression];
  if (!isFitting) throw new Violation("it does not begin as waypipe does");
  const passing = token.slice();
  const own = version | flags.fixed | flags.noGraphicsCard | flags.noVideo | flags.compression[compression];
  new DataView(passing.buffer).setUint32(0, own, true);
  return passing;
}
