/** Writes the parts of packets to a connection. */

import { concat } from "@std/bytes";

/** Writes these parts after those of earlier calls. */
export type Writer = (parts: readonly Uint8Array[]) => Promise<void>;

/** Parts up to this size are written together. */
const joinBytes = 64 * 1024;

/** Makes a writer. Calls from both directions are written one after the other, in their order. */
export function createWriter(connection: Deno.Conn): Writer {
  let last = Promise.resolve();
  return (parts) => last = last.then(() => writeParts(connection, parts));
}

async function writeParts(connection: Deno.Conn, parts: readonly Uint8Array[]): Promise<void> {
  for (const part of joinSmall(parts)) {
    for (let at = 0; at < part.length;) at += await connection.write(part.subarray(at));
  }
}

/** Joins small parts, so that they take one system call; large ones stay as they are, so that they are not copied. */
function* joinSmall(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let small: Uint8Array[] = [];
  for (const part of parts) {
    if (part.length <= joinBytes) {
      small.push(part);
      continue;
    }
    if (small.length > 0) yield concat(small);
    small = [];
    yield part;
  }
  if (small.length > 0) yield concat(small);
}
