/** The content of host files, identified by size and SHA-256. */

import type { Content } from "./loan.ts";

// As in base/hold.ts.
const { createHash } = await import("node:crypto");

/** How many bytes are read at once. */
const pieceSize = 2 ** 18;

/** Reads a file, or its first `max` bytes, piece by piece. A piece is valid until the next one. */
export async function* piecesOf(file: Deno.FsFile, max = Infinity): AsyncGenerator<Uint8Array> {
  await file.seek(0, Deno.SeekMode.Start);
  const buffer = new Uint8Array(pieceSize);
  for (let left = max; left > 0;) {
    const count = await file.read(left < pieceSize ? buffer.subarray(0, left) : buffer);
    if (count === null) return;
    left -= count;
    yield buffer.subarray(0, count);
  }
}

/** Computes the size and SHA-256 of content that arrives piece by piece. */
export class Counter {
  size = 0;
  readonly #hash = createHash("sha256");

  add(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.size += piece.length;
  }

  /** The content added so far. May be called only once. */
  content(): Content {
    return { size: this.size, sha256: this.#hash.digest("hex") };
  }
}

/** The content of an open file, or of its first `max` bytes. */
export async function contentOf(file: Deno.FsFile, max = Infinity): Promise<Content> {
  const count = new Counter();
  for await (const piece of piecesOf(file, max)) count.add(piece);
  return count.content();
}

export function isSameContent(a: Content, b: Content): boolean {
  return a.size === b.size && a.sha256 === b.sha256;
}
