/** What is in files of the host: read once to its end, and known by size and SHA-256. */

import { createHash, type Hash } from "node:crypto";
import { holdFile, type InodeId, isSameInode } from "./held_file.ts";
import type { Content } from "./loan.ts";

/** How much is read at once, in bytes. */
const pieceSize = 2 ** 18;

/** The pieces of a file from its beginning to its end, or at most `most` bytes. A piece is valid until the next one. */
export async function* piecesOf(file: Deno.FsFile, most = Infinity): AsyncGenerator<Uint8Array> {
  await file.seek(0, Deno.SeekMode.Start);
  const buffer = new Uint8Array(pieceSize);
  for (let left = most; left > 0;) {
    const count = await file.read(left < pieceSize ? buffer.subarray(0, left) : buffer);
    if (count === null) return;
    left -= count;
    yield buffer.subarray(0, count);
  }
}

/** Adds pieces up to their {@linkcode Content}. */
export interface Counter {
  /** Adds a piece. */
  add(piece: Uint8Array): void;
  /** How many bytes were added. */
  readonly size: number;
  /** All that was added. To be called once. */
  content(): Content;
}

/** A new {@linkcode Counter}. */
export function createCounter(): Counter {
  const hash: Hash = createHash("sha256");
  let size = 0;
  return {
    add(piece) {
      hash.update(piece);
      size += piece.length;
    },
    get size() {
      return size;
    },
    content: () => ({ size, sha256: hash.digest("hex") }),
  };
}

/** What is in an open file, or in its first `most` bytes. */
export async function contentOf(file: Deno.FsFile, most = Infinity): Promise<Content> {
  const count = createCounter();
  for await (const piece of piecesOf(file, most)) count.add(piece);
  return count.content();
}

/** Whether two are the same. */
export function isSameContent(a: Content, b: Content): boolean {
  return a.size === b.size && a.sha256 === b.sha256;
}

/** Opens the file at `path` for reading if it is this very inode; undefined if it is not, or not there. */
export async function openInode(path: string, inode: InodeId): Promise<Deno.FsFile | undefined> {
  const held = await holdFile(path);
  if (!held) return undefined;
  try {
    const state = held.stat();
    if (!state.isFile || !isSameInode(state, inode)) return undefined;
    const file = await Deno.open(path);
    const { dev, ino } = await file.stat();
    if (dev === state.dev && ino === state.ino) return file;
    file.close();
    return undefined;
  } finally {
    held.close();
  }
}
