/** A buffer for the bytes of a stream until there are enough of them. */

/** Such a buffer. Its memory grows with the bytes that have come, not with the wanted number. */
export class PendingBytes {
  #held = new Uint8Array();
  #filled = 0;
  #wanted = 0;

  /** Adds bytes. Returns all that wait once there are as many as wanted; these are valid until the next call. */
  add(chunk: Uint8Array): Uint8Array | undefined {
    if (this.#filled === 0) return chunk;
    const there = this.#filled + chunk.length;
    if (there > this.#held.length) {
      const larger = new Uint8Array(Math.max(there, Math.min(this.#wanted, 2 * there)));
      larger.set(this.#held.subarray(0, this.#filled));
      this.#held = larger;
    }
    this.#held.set(chunk, this.#filled);
    this.#filled = there;
    return there < this.#wanted ? undefined : this.#held.subarray(0, there);
  }

  /** Keeps a copy of the rest until there are this many. */
  keep(rest: Uint8Array, wanted: number): void {
    // A copy: the caller reuses its buffer.
    this.#filled = rest.length;
    if (this.#filled > 0 || this.#held.length > 0) this.#held = rest.slice();
    this.#wanted = wanted;
  }
}
