/**
 * The frames of waypipe's stream, as versions 0.9 to 0.11 have them: a word `size << 5 | type` in little-endian, then
 * the rest of the `size` bytes, padded to four. See `wmsg_type` in waypipe's `src/util.h` (0.9.2).
 */

import { Violation } from "../faults.ts";
import type { Descriptors, FrameSender } from "./descriptors.ts";

/** How the content of files is compressed. What is compressed can be checked by its size only. */
export type Compression = "none" | "zstd";

/** The types of frames that may pass. Those that are missing belong to graphics cards and video. */
const types = {
  messages: 0,
  descriptors: 1,
  openFile: 2,
  extendFile: 3,
  fill: 5,
  diff: 6,
  openReadPipe: 7,
  openWritePipe: 8,
  openSocket: 9,
  pipe: 10,
  closeRead: 11,
  closeWrite: 12,
  acknowledge: 16,
  close: 18,
} as const;

/** The largest frame of messages. waypipe sends what it has read at once, of messages of at most 4096 bytes. */
const maxMessages = 2 ** 18;
/** The largest frame for a pipe. */
const maxPipe = 2 ** 20;
/** The bytes at the end of a file that are no whole block of waypipe's. */
const maxTrailing = 63;
/** The largest size that a frame can have, by its header. */
const maxSize = 2 ** 27 - 1;

interface Rule {
  least: number;
  most: number;
  /** How much of the frame is looked at before it passes; undefined for all. */
  head?: number;
}

const exactly = (size: number): Rule => ({ least: size, most: size });

const frameRules: ReadonlyMap<number, Rule> = new Map<number, Rule>([
  [types.messages, { least: 4, most: maxMessages }],
  [types.descriptors, { least: 8, most: 260 }],
  [types.openFile, exactly(12)],
  [types.extendFile, exactly(12)],
  [types.fill, { least: 16, most: maxSize, head: 16 }],
  [types.diff, { least: 16, most: maxSize, head: 16 }],
  [types.openReadPipe, exactly(8)],
  [types.openWritePipe, exactly(8)],
  [types.openSocket, exactly(8)],
  [types.pipe, { least: 8, most: maxPipe, head: 8 }],
  [types.closeRead, exactly(8)],
  [types.closeWrite, exactly(8)],
  [types.acknowledge, exactly(8)],
  [types.close, { least: 8, most: 8 }],
]);

/** What a stream of frames needs. */
export interface FramesOptions {
  /** Whose stream it is. */
  sender: FrameSender;
  /** How the content of files comes. */
  compression: Compression;
  /** Those of both directions. */
  descriptors: Descriptors;
  /** Takes whole messages, and gives what passes in their place. */
  onMessages(messages: Uint8Array): Uint8Array;
  /** How many frames of the guard's own each end has got, as if they were the other end's. */
  added: Record<FrameSender, number>;
}

/** No messages: passes in the place of what does not, since waypipe counts frames. */
const empty = frameOfMessages(new Uint8Array());

/** A frame of whole messages. */
export function frameOfMessages(messages: Uint8Array): Uint8Array {
  const frame = new Uint8Array(4 + messages.length);
  new DataView(frame.buffer).setUint32(0, frame.length << 5, true);
  frame.set(messages, 4);
  return frame;
}

/**
 * Takes a stream apart as it comes.
 *
 * @returns `take`: takes the next bytes and gives those that pass: views of the same bytes, most of the time;
 * `isBetween`: whether what has passed ends with a whole frame
 * @throws {Violation} (`take`) when they are no frames, or not such as may pass
 */
export function frameFilter(
  { sender, compression, descriptors, onMessages, added }: FramesOptions,
): { take: Filter; isBetween(): boolean } {
  /** The beginning of what cannot be judged yet, how much of it there is, and how much is needed. */
  let held = new Uint8Array();
  let heldBytes = 0;
  let wanted = 0;
  /** What is left of a frame whose head has passed. */
  let rest = 0;
  let passesRest = true;
  let checkRest: ((bytes: Uint8Array) => void) | undefined;
  let isClosed = false;

  /** What becomes of a frame, of which `head` bytes are there. */
  const judge = (type: number, frame: Uint8Array, size: number): "pass" | "drop" | Uint8Array => {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    checkRest = undefined;
    switch (type) {
      case types.messages: {
        const messages = frame.subarray(4, size);
        const passing = onMessages(messages);
        return passing === messages ? "pass" : frameOfMessages(passing);
      }
      case types.descriptors:
        if (size % 4 !== 0) throw new Violation("a frame is not as long as its kind");
        for (let at = 4; at < size; at += 4) descriptors.send(sender, view.getInt32(at, true));
        return "pass";
      case types.openFile:
        descriptors.open(sender, view.getInt32(4, true), "file", view.getUint32(8, true));
        return "pass";
      case types.extendFile:
        return descriptors.extend(sender, view.getInt32(4, true), view.getUint32(8, true)) ? "pass" : "drop";
      case types.fill: {
        const file = descriptors.find(view.getInt32(4, true), "file");
        if (!file) return "drop";
        const [start, end] = [view.getUint32(8, true), view.getUint32(12, true)];
        if (file.opener !== sender || start > end || end > file.size) {
          throw new Violation("a file is filled beyond its end");
        }
        checkPayload(size - 16, end - start);
        return "pass";
      }
      case types.diff: {
        const file = descriptors.find(view.getInt32(4, true), "file");
        if (!file) return "drop";
        const [bytes, trailing] = [view.getUint32(8, true), view.getUint32(12, true)];
        // At worst, each block of eight bytes has a head of as many.
        const isFitting = bytes % 4 === 0 && bytes <= 2 * file.size + 16 &&
          trailing <= Math.min(maxTrailing, file.size);
        if (file.opener !== sender || !isFitting) throw new Violation("a file is changed beyond its end");
        checkPayload(size - 16, bytes + trailing);
        if (compression === "none") checkRest = diffChecker(bytes, file.size);
        return "pass";
      }
      case types.openReadPipe:
      case types.openWritePipe:
      case types.openSocket:
        descriptors.open(sender, view.getInt32(4, true), "pipe", 0);
        return "pass";
      case types.pipe: {
        const pipe = descriptors.find(view.getInt32(4, true), "pipe");
        if (!pipe) return "drop";
        if (sender === "container") descriptors.write(pipe, size - 8);
        return "pass";
      }
      case types.closeRead:
      case types.closeWrite: {
        const number = view.getInt32(4, true);
        if (!descriptors.find(number, "pipe")) return "drop";
        descriptors.close(number, type === types.closeRead ? "read" : "write");
        return "pass";
      }
      case types.acknowledge: {
        if (added[sender] === 0) return "pass";
        const frame = new Uint8Array(8);
        const own = new DataView(frame.buffer);
        own.setUint32(0, view.getUint32(0, true), true);
        own.setUint32(4, view.getUint32(4, true) - added[sender], true);
        return frame;
      }
      case types.close:
        isClosed = true;
        return "pass";
      default:
        return "pass";
    }
  };
  const checkPayload = (there: number, declared: number): void => {
    const isFitting = compression === "none"
      ? there === declared
      : there <= declared + Math.ceil(declared / 128) + 1024;
    if (!isFitting) throw new Violation("a frame is not as long as what it holds");
  };

  const take: Filter = (chunk) => {
    let data = chunk;
    if (heldBytes > 0) {
      const there = heldBytes + chunk.length;
      if (there > held.length) {
        const larger = new Uint8Array(Math.max(there, wanted));
        larger.set(held.subarray(0, heldBytes));
        held = larger;
      }
      held.set(chunk, heldBytes);
      heldBytes = there;
      if (there < wanted) return [];
      data = held.subarray(0, there);
      heldBytes = 0;
    }
    const passing: Uint8Array[] = [];
    let at = 0;
    /** From here to `at`, all passes as it is. */
    let from = 0;
    const flush = (next: number): void => {
      if (at > from) passing.push(data.subarray(from, at));
      from = at = next;
    };
    while (at < data.length) {
      if (rest > 0) {
        const end = Math.min(at + rest, data.length);
        rest -= end - at;
        checkRest?.(data.subarray(at, end));
        if (passesRest) at = end;
        else flush(end);
        continue;
      }
      if (isClosed) throw new Violation("it goes on after its end");
      const there = data.length - at;
      wanted = 4;
      if (there < wanted) break;
      const header = (data[at]! | data[at + 1]! << 8 | data[at + 2]! << 16 | data[at + 3]! << 24) >>> 0;
      const [size, type] = [header >>> 5, header & 31];
      const rule = frameRules.get(type);
      if (!rule) throw new Violation(`waypipe sends what needs a graphics card, or is unknown (type ${type})`);
      if (size < rule.least || size > rule.most) throw new Violation("a frame is not as long as its kind");
      const padded = (size + 3) & ~3;
      const head = rule.head ?? padded;
      wanted = head;
      if (there < wanted) break;
      const verdict = judge(type, data.subarray(at, at + head), size);
      rest = padded - head;
      passesRest = verdict === "pass";
      if (verdict === "pass") {
        at += head;
        continue;
      }
      flush(at + head);
      passing.push(verdict === "drop" ? empty : verdict);
    }
    const end = data.length;
    flush(at);
    // A copy: the caller uses its bytes for what comes next.
    if (end > at) held = data.slice(at);
    heldBytes = end - at;
    return passing;
  };
  return { take, isBetween: () => rest === 0 && !isClosed };
}

/** Takes the next bytes of a stream, and gives those that pass. */
export type Filter = (chunk: Uint8Array) => Uint8Array[];

/**
 * Checks an uncompressed diff as it comes: runs of words, each with the numbers of the first word that it changes and
 * of the one behind it.
 */
function diffChecker(bytes: number, fileSize: number): (piece: Uint8Array) => void {
  const words = Math.floor(fileSize / 4);
  let left = bytes;
  /** The bytes of a run that are still to come, without its head. */
  let run = 0;
  const head = new Uint8Array(8);
  let headBytes = 0;
  return (piece) => {
    let at = 0;
    while (left > 0 && at < piece.length) {
      if (run > 0) {
        const step = Math.min(run, piece.length - at);
        run -= step;
        left -= step;
        at += step;
        continue;
      }
      head[headBytes++] = piece[at++]!;
      left--;
      if (headBytes < 8) continue;
      headBytes = 0;
      const view = new DataView(head.buffer);
      const [from, to] = [view.getUint32(0, true), view.getUint32(4, true)];
      run = (to - from) * 4;
      if (to <= from || to > words || run > left) throw new Violation("a file is changed beyond its end");
    }
    if (left === 0 && headBytes > 0) throw new Violation("a file is changed beyond its end");
  };
}
