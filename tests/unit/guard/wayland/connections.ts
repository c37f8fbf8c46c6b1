/** What tests of connections on Wayland have in common: what their ends send, and how it is read. */

import { type Trial, trial, word } from "../../wayland_samples.ts";

/** What an app, or its compositor, sends, and how many bytes of it pass. */
export interface Sent {
  from: "near" | "far";
  bytes: Uint8Array;
  passing: number;
}

/** A connection in memory, and what its ends have sent. */
export function noted(): { made: Trial; sent: Sent[] } {
  const sent: Sent[] = [];
  const made = trial();
  const { connection } = made;
  const { fromContainer, fromHost } = connection;
  const note = (from: "near" | "far", take: typeof fromHost) => (bytes: Uint8Array): Uint8Array[] => {
    // The guard writes into what it takes.
    const before = bytes.slice();
    const pieces = take(bytes);
    sent.push({ from, bytes: before, passing: pieces.reduce((sum, { length }) => sum + length, 0) });
    return pieces;
  };
  connection.fromContainer = note("near", fromContainer);
  connection.fromHost = note("far", fromHost);
  return { made, sent };
}

/** Reads so many bytes. */
export async function take(from: Deno.Conn, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) {
    const got = await from.read(bytes.subarray(at));
    if (got === null) throw new Deno.errors.UnexpectedEof();
    at += got;
  }
  return bytes;
}

export const flags = {
  resumes: 1 << 0,
  isResumed: 1 << 1,
  noGraphicsCard: 1 << 2,
  fixed: 1 << 7,
  none: 1 << 8,
  noVideo: 1 << 11,
  version: 1 << 16,
};

/** The first bytes of a connection. */
export function tokenWith(more = 0): Uint8Array {
  return new Uint8Array([
    ...word(flags.version | flags.fixed | flags.none | more),
    ...new Uint8Array(12),
  ]);
}
