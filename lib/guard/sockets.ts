/** Both ends of a guard are sockets: how they are read, written and closed. */

import { concat } from "@std/bytes";

/** Closes a connection, or a listener, that may be closed already. */
export function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // It is closed.
  }
}

/** Reads a connection until its end, up to this many bytes at a time. Each piece is valid until the next one. */
export async function* readChunks(connection: Deno.Conn, bytes: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(bytes);
  for (let count; (count = await connection.read(buffer)) !== null;) yield buffer.subarray(0, count);
}

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

/** Whether an error only says that an end is gone. */
export function isGone(error: unknown): boolean {
  return [
    Deno.errors.BrokenPipe,
    Deno.errors.ConnectionReset,
    Deno.errors.ConnectionRefused,
    Deno.errors.NotFound,
    Deno.errors.UnexpectedEof,
    Deno.errors.BadResource,
    Deno.errors.Interrupted,
  ].some((gone) => error instanceof gone);
}
