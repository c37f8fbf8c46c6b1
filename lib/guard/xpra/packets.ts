/**
 * Packets, each with a type and arguments: decodes them from frames, and encodes them into frames. The types have the
 * names that all versions of xpra understand; xpra 6.6 uses others only with `XPRA_BACKWARDS_COMPATIBLE=0`.
 */

import { Violation } from "../faults.ts";
import { frame, maxChunks, maxIndex, type RawPacket } from "./frames.ts";
import { decode, encode, type Value } from "./rencode.ts";

/** One end of a connection. */
export type Sender = "container" | "client";

export interface Packet {
  type: string;
  /** Its arguments: the first is xpra's item 1. */
  args: Value[];
}

/** The length from which a byte string becomes a chunk, which is not copied. */
const chunkFrom = 8192;

/**
 * Decodes a packet. Its byte strings are views of the frames.
 *
 * @throws {Violation} when it is not a packet
 */
export function decodePacket({ main, chunks }: RawPacket): Packet {
  const items = decode(main);
  if (!Array.isArray(items)) throw new Violation("It sends a packet that is not a list");
  for (const [index, chunk] of chunks) {
    if (index >= items.length) throw new Violation("It sends a chunk for an item that the packet does not have");
    items[index] = chunk;
  }
  const [type, ...args] = items;
  if (typeof type !== "string") throw new Violation("It sends a packet without a type");
  return { type, args };
}

/** Encodes a packet as parts to be written one after the other. Large byte strings are not copied. */
export function encodePacket({ type, args }: Packet): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const items: Value[] = [type, ...args];
  let chunks = 0;
  for (let index = 1; index < items.length && index <= maxIndex; index++) {
    const item = items[index];
    if (!(item instanceof Uint8Array) || item.length < chunkFrom || chunks === maxChunks) continue;
    chunks++;
    parts.push(...frame(item, index));
    items[index] = "";
  }
  parts.push(...frame(encode(items), 0));
  return parts;
}
