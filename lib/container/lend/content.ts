/** What is in files of the host: read once to its end, and known by size and SHA-256. */

import type { Content } from "./loan.ts";

// As in base/hold.ts.
const { createHash } = await import("node:crypto");

/** How much is read at once, in bytes. */
const pieceSize = 2 ** 18;

/** The pieces of a file from its beginning to its end, or `max` bytes of it. A piece is valid until the next one. */
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

/** The received part of a content. */
export class Counter {
  size = 0;
  readonly #hash = createHash("sha256");

  add(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.size += piece.length;
  }

  /** Everything that was added. Must be called once only. */
  content(): Content {
    return { size: this.size, sha256: this.#hash.digest("hex") };
  }
}

/** What is in an open file, or in its first `max` bytes. */
export async function contentOf(file: Deno.FsFile, max = Infinity): Promise<Content> {
  const count = new Counter();
  for await (const piece of piecesOf(file, max)) count.add(piece);
  return count.content();
}

export function isSameContent(a: Content, b: Content): boolean {
  return a.size === b.size && a.sha256 === b.sha256;
}
