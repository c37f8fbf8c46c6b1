/** A buffer for the bytes of a stream until there are enough of them. */

export interface PendingBytes {
  /** Adds bytes. Returns all that wait once there are as many as wanted; these are valid until the next call. */
  add(chunk: Uint8Array): Uint8Array | undefined;
  /** Keeps a copy of the rest until there are this many. */
  keep(rest: Uint8Array, wanted: number): void;
}

/** Makes an empty buffer. Its memory grows with the bytes that have come, not with the wanted number. */
export function createPendingBytes(): PendingBytes {
  let held = new Uint8Array();
  let filled = 0;
  let wanted = 0;
  return {
    add(chunk) {
      if (filled === 0) return chunk;
      const there = filled + chunk.length;
      if (there > held.length) {
        const larger = new Uint8Array(Math.max(there, Math.min(wanted, 2 * there)));
        larger.set(held.subarray(0, filled));
        held = larger;
      }
      held.set(chunk, filled);
      filled = there;
      return there < wanted ? undefined : held.subarray(0, there);
    },
    keep(rest, count) {
      // A copy: the caller reuses its buffer.
      filled = rest.length;
      if (filled > 0 || held.length > 0) held = rest.slice();
      wanted = count;
    },
  };
}
