/**
 * Frames: how xpra cuts a stream of bytes into packets. A frame is a header of eight bytes ("P", flags, compression,
 * index, size; `net/protocol/header.py` of xpra) and a payload. A payload with an index is a chunk: it stands for the
 * item of that index in the next payload without one.
 */

import { Violation } from "../faults.ts";
import { PendingBytes } from "../pending_bytes.ts";

/** The payloads of one packet, not decoded. */
export interface RawPacket {
  /** The packet in rencodeplus, with an empty text where a chunk goes. */
  main: Uint8Array;
  /** The chunks, by the index of the item that they replace. */
  chunks: ReadonlyMap<number, Uint8Array>;
}

/** What the packets of one direction may hold. */
export interface FrameLimits {
  /** The longest payload of a packet without its chunks, in bytes. */
  mainBytes: number;
  /** How many bytes the chunks of one packet may have. */
  chunkBytes: number;
}

const headerBytes = 8;
const letterP = 80;
const rencodeplusFlag = 0x10;
/** Means that no packet follows at once. The guard does not need that hint. */
const flushFlag = 0x08;
/** How many chunks a packet may have: xpra's own client and server fail with more. */
export const maxChunks = 3;
/** Highest index of a chunk: xpra's own client and server fail with a higher one. */
export const maxIndex = 15;

/**
 * Makes a parser for the bytes of one direction. Its memory is bounded by the limits, and grows with the bytes that
 * have come, not with an announced size.
 *
 * @returns a function that takes the next bytes of the stream, and returns the packets that they complete. These may be
 * views, valid until the next call and while the bytes do not change. It throws a violation for anything but frames,
 * for flags that were not agreed on, and beyond the limits
 */
export function createFrameParser(limits: FrameLimits): (bytes: Uint8Array) => RawPacket[] {
  const pending = new PendingBytes();
  let chunks = new Map<number, Uint8Array>();

  /** The index and the size of a frame's payload. */
  const readHeader = (header: Uint8Array): { index: number; size: number } => {
    const [letter, flags, compression, index = 0] = header;
    const size = new DataView(header.buffer, header.byteOffset).getUint32(4);
    if (letter !== letterP) throw new Violation("It does not speak xpra's protocol");
    if (compression !== 0) throw new Violation("It sends compressed packets, although that was not agreed on");
    const expected = index === 0 ? rencodeplusFlag : 0;
    if ((flags! & ~flushFlag) !== expected) throw new Violation(`It sends packets with unknown flags: ${flags}`);
    if (size === 0) throw new Violation("It sends an empty packet");
    if (index > 0 && (index > maxIndex || chunks.has(index) || chunks.size >= maxChunks)) {
      throw new Violation("It sends chunks that xpra would not accept");
    }
    const chunkBytes = chunks.values().reduce((sum, { length }) => sum + length, size);
    const [bytes, max] = index === 0 ? [size, limits.mainBytes] : [chunkBytes, limits.chunkBytes];
    if (bytes > max) throw new Violation(`It sends a packet of ${bytes} bytes`);
    return { index, size };
  };

  return (bytes) => {
    const data = pending.add(bytes);
    if (!data) return [];
    const packets: RawPacket[] = [];
    let at = 0;
    let wanted = headerBytes;
    for (let left; (left = data.length - at) >= headerBytes; wanted = headerBytes) {
      const { index, size } = readHeader(data.subarray(at, at + headerBytes));
      wanted = headerBytes + size;
      if (left < wanted) break;
      const payload = data.subarray(at + headerBytes, at + wanted);
      at += wanted;
      if (index > 0) {
        // A copy, since a view would be valid only until the next call.
        chunks.set(index, payload.slice());
        continue;
      }
      packets.push({ main: payload, chunks });
      chunks = new Map();
    }
    pending.keep(data.subarray(at), wanted);
    return packets;
  };
}

/** A frame, as parts to be written one after the other: its header and its payload. */
export function frame(payload: Uint8Array, index: number): Uint8Array[] {
  const header = new Uint8Array(headerBytes);
  header.set([letterP, index === 0 ? rencodeplusFlag | flushFlag : 0, 0, index]);
  new DataView(header.buffer).setUint32(4, payload.length);
  return [header, payload];
}
