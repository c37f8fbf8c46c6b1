/**
 * Frames: how xpra cuts a stream of bytes into packets. A frame is a header of eight bytes ("P", flags, compression,
 * index, size; `net/protocol/header.py` of xpra) and a payload. A payload with an index is a chunk: it stands for the
 * item of that index in the next payload without one.
 */

import { Violation } from "../faults.ts";

/** The payloads of one packet, not decoded. */
export interface RawPacket {
  /** The packet in rencodeplus, with an empty text where a chunk goes. */
  main: Uint8Array;
  /** The chunks, by the index of the item that they replace. */
  chunks: ReadonlyMap<number, Uint8Array>;
}

/** What the packets of one direction may hold. */
export interface FrameLimits {
  /** The longest payload without chunks, in bytes. */
  mainBytes: number;
  /** How many bytes the chunks of one packet may have. */
  chunkBytes: number;
}

/** Cuts the bytes of one direction into packets. */
export interface FrameParser {
  /**
   * Takes the next bytes of the stream.
   *
   * @returns the packets that they complete. These may be views of `bytes`, valid only until `bytes` changes
   * @throws {Violation} for anything but frames, for flags that were not agreed on, and for more than the limits
   */
  push(bytes: Uint8Array): RawPacket[];
}

const headerBytes = 8;
const letterP = 80;
/** The payload is rencodeplus. */
const rencodeplusFlag = 0x10;
/** No other packet follows at once: a hint that the guard does not need. */
const flushFlag = 0x08;
/** How many chunks a packet may have: xpra's own client and server fail with more. */
export const maxChunks = 3;
/** Highest index of a chunk: xpra's own client and server fail with a higher one. */
export const maxIndex = 15;
/** How much memory a payload gets at first, however large its header claims that it will be. */
const firstBytes = 1 << 20;

/**
 * Makes a {@linkcode FrameParser}. Its memory is bounded by the limits, and grows with what has come, not with what was
 * announced.
 */
export function createFrameParser(limits: FrameLimits): FrameParser {
  const header = new Uint8Array(headerBytes);
  let headerFilled = 0;
  let size = 0;
  let index = 0;
  let partial: Uint8Array | undefined;
  let partialFilled = 0;
  let chunks = new Map<number, Uint8Array>();
  let chunkTotal = 0;

  const readHeader = (): void => {
    const [letter, flags, compression] = header;
    if (letter !== letterP) throw new Violation("It does not speak xpra's protocol");
    index = header[3]!;
    size = (header[4]! << 24 | header[5]! << 16 | header[6]! << 8 | header[7]!) >>> 0;
    if (compression !== 0) throw new Violation("It sends compressed packets, although that was not agreed on");
    const expected = index === 0 ? rencodeplusFlag : 0;
    if ((flags! & ~flushFlag) !== expected) throw new Violation(`It sends packets with unknown flags: ${flags}`);
    if (size === 0) throw new Violation("It sends an empty packet");
    if (index === 0) {
      if (size > limits.mainBytes) throw new Violation(`It sends a packet of ${size} bytes`);
      return;
    }
    if (index > maxIndex || chunks.has(index) || chunks.size >= maxChunks) {
      throw new Violation("It sends chunks that xpra would not accept");
    }
    chunkTotal += size;
    if (chunkTotal > limits.chunkBytes) throw new Violation(`It sends a packet of ${chunkTotal} bytes`);
  };

  return {
    push(bytes) {
      const packets: RawPacket[] = [];
      // Chunks that look into `bytes` and whose packet is not complete yet.
      const borrowed: number[] = [];
      const finish = (payload: Uint8Array, owned: boolean): void => {
        headerFilled = 0;
        if (index > 0) {
          chunks.set(index, payload);
          if (!owned) borrowed.push(index);
          return;
        }
        packets.push({ main: payload, chunks });
        chunks = new Map();
        chunkTotal = 0;
        borrowed.length = 0;
      };
      let at = 0;
      while (at < bytes.length) {
        if (headerFilled < headerBytes) {
          const part = bytes.subarray(at, at + headerBytes - headerFilled);
          header.set(part, headerFilled);
          headerFilled += part.length;
          at += part.length;
          if (headerFilled === headerBytes) readHeader();
          continue;
        }
        const rest = bytes.length - at;
        if (!partial && rest >= size) {
          const payload = bytes.subarray(at, at + size);
          at += size;
          finish(payload, false);
          continue;
        }
        partial ??= new Uint8Array(Math.min(size, firstBytes));
        const part = bytes.subarray(at, at + size - partialFilled);
        if (partialFilled + part.length > partial.length) {
          const larger = new Uint8Array(Math.min(size, Math.max(partial.length * 2, partialFilled + part.length)));
          larger.set(partial.subarray(0, partialFilled));
          partial = larger;
        }
        partial.set(part, partialFilled);
        partialFilled += part.length;
        at += part.length;
        if (partialFilled === size) {
          const payload = partial;
          partial = undefined;
          partialFilled = 0;
          finish(payload, true);
        }
      }
      for (const held of borrowed) chunks.set(held, chunks.get(held)!.slice());
      return packets;
    },
  };
}

/** A frame's header and payload, as parts to be written one after the other. */
export function frame(payload: Uint8Array, index: number): Uint8Array[] {
  const header = new Uint8Array(headerBytes);
  header.set([letterP, index === 0 ? rencodeplusFlag | flushFlag : 0, 0, index]);
  new DataView(header.buffer).setUint32(4, payload.length);
  return [header, payload];
}
