/** Reads, writes and closes sockets, as the ends of a guard are. */

import { concat } from "@std/bytes";
import { writeAll } from "../base/files.ts";

/** Closes a connection, or a listener, that may be closed already. */
export function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // It is already closed.
  }
}

/** Reads a connection until its end, up to this many bytes at a time. Each piece is valid until the next one. */
export async function* readChunks(connection: Deno.Conn, bytes: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(bytes);
  for (let count; (count = await connection.read(buffer)) !== null;) yield buffer.subarray(0, count);
}

export async function readText(connection: Deno.Conn): Promise<string> {
  const chunks = await Array.fromAsync(readChunks(connection, 2 ** 16), (chunk) => chunk.slice());
  return new TextDecoder().decode(concat(chunks));
}

/** Sends a text over a connection, and closes it for writing. */
export async function sendText(connection: Deno.Conn, text: string): Promise<void> {
  await writeAll(connection, new TextEncoder().encode(text));
  await connection.closeWrite();
}

/** Whether an error only means that the other end is gone. */
export function isEndGone(error: unknown): boolean {
  const gone = ["BrokenPipe", "ConnectionReset", "ConnectionRefused", "NotFound", "UnexpectedEof", "BadResource"];
  return error instanceof Error && [...gone, "Interrupted"].includes(error.name);
}
