/**
 * The frames of waypipe's stream, versions 0.9 to 0.11: a word `size << 5 | type` in little-endian, then the rest of
 * the `size` bytes, padded to four. See `wmsg_type` in waypipe's `src/util.h` (0.9.2).
 */

import { Violation } from "../faults.ts";
import { createPendingBytes } from "../pending_bytes.ts";
import type { PipeReader } from "./carrying.ts";
import { Descriptor, type Descriptors, type FrameSender } from "./descriptors.ts";

/** How waypipe compresses the content of files. The guard checks only the size of compressed content. */
export type Compression = "none" | "zstd";

/** The types of frames that the guard knows by name; `kinds` has all that may pass. */
const frameTypes = {
  messages: 0,
  /** The descriptors of the next messages. */
  descriptors: 1,
  /** Opens a pipe for bytes from the frame's receiver to its sender. */
  openPipe: 7,
  /** Bytes for a pipe. */
  data: 10,
  /** The writing end of a pipe was closed. */
  closeWriting: 12,
  acknowledge: 16,
  close: 18,
} as const;

/** The largest frame of messages, in bytes. waypipe sends at once what it has read, in messages of up to 4096 bytes. */
const maxMessages = 2 ** 18;
/** The largest frame for a pipe, in bytes. */
const maxPipe = 2 ** 20;
/** The most bytes at the end of a file that do not fill one of waypipe's blocks. */
const maxTrailing = 63;
/** The largest size that a header can state, in bytes. */
const maxSize = 2 ** 27 - 1;

/** A kind of frame that may pass. */
interface FrameKind {
  size: readonly [min: number, max: number];
  /** How many bytes are checked before it passes; undefined: all. */
  head?: number;
  /** The kind of descriptor that it is about. The frame is dropped if that descriptor has ended. */
  about?: Descriptor["kind"];
  /** The verdict on it; undefined: it passes. */
  judge?(frame: FrameHead): FrameVerdict | Steps<FrameVerdict>;
}

type FrameVerdict = "drop" | Uint8Array | void;

/** Work that can be interrupted after each step, so that other work gets its turn. */
export type Steps<T> = Generator<void, T>;

/** Runs all steps at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

interface FrameHead {
  /** The bytes that are checked. */
  bytes: Uint8Array;
  /** A view of the same bytes. After their first word, most frames have the number of a descriptor. */
  view: DataView;
  /** The descriptor that the frame is about, if its kind has `about`. */
  descriptor: Descriptor | undefined;
  size: number;
}

export interface FramesOptions {
  sender: FrameSender;
  compression: Compression;
  descriptors: Descriptors;
  /** Takes complete messages, and returns what passes in their place; one step for each message. */
  onMessages(messages: Uint8Array): Steps<Uint8Array>;
  /** How many of the guard's own frames each end has received, as if the other end had sent them. */
  added: Record<FrameSender, number>;
}

/** A frame without messages. It replaces each dropped frame, since waypipe counts frames. */
const empty = frameOf("messages", {});

/** Builds a frame: header, numbers of descriptors, and messages or a pipe's bytes. */
export function frameOf(
  type: keyof typeof frameTypes,
  { numbers = [], bytes = new Uint8Array() }: { numbers?: readonly number[]; bytes?: Uint8Array },
): Uint8Array {
  const head = 4 + 4 * numbers.length;
  const size = head + bytes.length;
  const frame = new Uint8Array((size + 3) & ~3);
  const view = new DataView(frame.buffer);
  view.setUint32(0, size << 5 | frameTypes[type], true);
  for (const [index, number] of numbers.entries()) view.setInt32(4 + 4 * index, number, true);
  frame.set(bytes, head);
  return frame;
}

/**
 * Filters a stream, frame by frame, as it arrives.
 *
 * @returns `take`: takes the next bytes, in steps, and returns those that pass, mostly as views of the same bytes;
 * `isBetween`: whether what has passed so far ends with a complete frame
 * @throws {Violation} (`take`) for bytes that are no frames, or for frames that may not pass
 */
export function frameFilter(
  { sender, compression, descriptors, onMessages, added }: FramesOptions,
): { take(chunk: Uint8Array): Steps<Uint8Array[]>; isBetween(): boolean } {
  /** The beginning of a frame that cannot be judged yet. */
  const pending = createPendingBytes();
  /** How many bytes are left of a frame whose head was judged. */
  let rest = 0;
  let passesRest = true;
  let checkRest: ((bytes: Uint8Array) => void) | undefined;
  let isClosed = false;
  let isTaking = false;

  const numberIn = (view: DataView): number => view.getInt32(4, true);
  const other: FrameSender = sender === "host" ? "container" : "host";
  const openPipe = (...writers: FrameSender[]): FrameKind => ({
    size: [8, 8],
    judge: ({ view }) =>
      descriptors.open(new Descriptor(numberIn(view), "pipe", sender, { writers: new Set(writers) })),
  });
  /** The guard's reader of a pipe: it takes what comes from the end that did not open it, never the opener's bytes. */
  const readerOf = ({ opener, reader }: Descriptor): PipeReader | undefined => opener === sender ? undefined : reader;
  const closePipe = (writer: FrameSender): FrameKind => ({
    size: [8, 8],
    about: "pipe",
    judge({ view, descriptor }) {
      const reader = readerOf(descriptor!);
      if (!reader) {
        const isNews = descriptors.close(descriptor!, writer);
        if (!descriptors.isOpen(numberIn(view))) descriptor!.reader?.end(false);
        return isNews ? undefined : "drop";
      }
      // The guard may still write into an app's pipe.
      if (sender === "container") descriptors.forget(numberIn(view));
      else descriptor!.writers.delete(sender);
      reader.end(true);
      return "drop";
    },
  });
  /**
   * By waypipe's numbers in `src/util.h`, without those for graphics cards, video, and moving to another connection.
   */
  const kinds: Readonly<Record<number, FrameKind>> = {
    [frameTypes.messages]: {
      size: [4, maxMessages],
      *judge({ bytes, size }) {
        const messages = bytes.subarray(4, size);
        const passing = yield* onMessages(messages);
        return passing === messages ? undefined : frameOf("messages", { bytes: passing });
      },
    },
    [frameTypes.descriptors]: {
      size: [8, 260],
      judge({ view, size }) {
        if (size % 4 !== 0) throw new Violation("a frame has the wrong length for its kind");
        const numbers = Array.from({ length: size / 4 - 1 }, (_, index) => view.getInt32(4 + 4 * index, true));
        const passing = numbers.filter((number) => descriptors.send(sender, number));
        if (passing.length === numbers.length) return undefined;
        return passing.length === 0 ? "drop" : frameOf("descriptors", { numbers: passing });
      },
    },
    // Opens a file.
    2: {
      size: [12, 12],
      judge: ({ view }) =>
        descriptors.open(new Descriptor(numberIn(view), "file", sender, { size: view.getUint32(8, true) })),
    },
    // Extends a file.
    3: {
      size: [12, 12],
      about: "file",
      judge: ({ view, descriptor }) => descriptors.extend(descriptor!, { sender, size: view.getUint32(8, true) }),
    },
    // Fills a part of a file.
    5: {
      size: [16, maxSize],
      head: 16,
      about: "file",
      judge({ view, size, descriptor: file }) {
        const [start, end] = [view.getUint32(8, true), view.getUint32(12, true)];
        if (file!.opener !== sender || start > end || end > file!.size) {
          throw new Violation("a file is filled beyond its end");
        }
        checkPayload(size - 16, end - start);
      },
    },
    // Changes parts of a file.
    6: {
      size: [16, maxSize],
      head: 16,
      about: "file",
      judge({ view, size, descriptor: file }) {
        const [bytes, trailing] = [view.getUint32(8, true), view.getUint32(12, true)];
        // At worst, each block of eight bytes has a head of eight bytes.
        const isFitting = bytes % 4 === 0 && bytes <= 2 * file!.size + 16 &&
          trailing <= Math.min(maxTrailing, file!.size);
        if (file!.opener !== sender || !isFitting) throw new Violation("a file is changed beyond its end");
        checkPayload(size - 16, bytes + trailing);
        if (compression === "none") checkRest = diffChecker(bytes, file!.size);
      },
    },
    [frameTypes.openPipe]: openPipe(other),
    8: openPipe(sender),
    // A two-way pipe, which only 0.8 and 0.9 have.
    9: openPipe(sender, other),
    [frameTypes.data]: {
      size: [8, maxPipe],
      head: 8,
      about: "pipe",
      judge({ size, descriptor }) {
        const reader = readerOf(descriptor!);
        if (!reader) return descriptors.write(descriptor!, size - 8) ? undefined : "drop";
        let left = size - 8;
        checkRest = (bytes) => {
          reader.take(bytes.subarray(0, left));
          left = Math.max(0, left - bytes.length);
        };
        return "drop";
      },
    },
    // The reading end of a pipe was closed.
    11: closePipe(other),
    [frameTypes.closeWriting]: closePipe(sender),
    [frameTypes.acknowledge]: {
      size: [8, 8],
      judge({ bytes, view }) {
        if (added[sender] === 0) return undefined;
        const frame = bytes.slice();
        new DataView(frame.buffer).setUint32(4, view.getUint32(4, true) - added[sender], true);
        return frame;
      },
    },
    [frameTypes.close]: { size: [8, 8], judge: () => void (isClosed = true) },
  };
  const checkPayload = (there: number, declared: number): void => {
    const isFitting = compression === "none"
      ? there === declared
      : there <= declared + Math.ceil(declared / 128) + 1024;
    if (!isFitting) throw new Violation("a frame has the wrong length for its content");
  };

  const take = function* (chunk: Uint8Array): Steps<Uint8Array[]> {
    const data = pending.add(chunk);
    if (!data) return [];
    isTaking = true;
    let wanted = 0;
    const passing: Uint8Array[] = [];
    let at = 0;
    /** From here to `at`, all passes unchanged. */
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
      if (isClosed) throw new Violation("it sends more after its end");
      const there = data.length - at;
      wanted = 4;
      if (there < wanted) break;
      const header = (data[at]! | data[at + 1]! << 8 | data[at + 2]! << 16 | data[at + 3]! << 24) >>> 0;
      const [size, type] = [header >>> 5, header & 31];
      const kind = kinds[type];
      if (!kind) throw new Violation(`waypipe sends what needs a graphics card, or is unknown (type ${type})`);
      if (size < kind.size[0] || size > kind.size[1]) throw new Violation("a frame has the wrong length for its kind");
      const padded = (size + 3) & ~3;
      const head = kind.head ?? padded;
      wanted = head;
      if (there < wanted) break;
      const bytes = data.subarray(at, at + head);
      checkRest = undefined;
      const view = new DataView(bytes.buffer, bytes.byteOffset, head);
      const descriptor = kind.about && descriptors.find(numberIn(view), kind.about);
      const judged = kind.about && !descriptor ? "drop" : kind.judge?.({ bytes, view, size, descriptor });
      const verdict = typeof judged === "object" && "next" in judged ? yield* judged : judged;
      yield;
      rest = padded - head;
      passesRest = verdict === undefined;
      if (verdict === undefined) {
        at += head;
        continue;
      }
      flush(at + head);
      passing.push(verdict === "drop" ? empty : verdict);
    }
    flush(at);
    pending.keep(data.subarray(at), wanted);
    isTaking = false;
    return passing;
  };
  return { take, isBetween: () => rest === 0 && !isClosed && !isTaking };
}

/** Takes the next bytes of a stream, and returns those that pass. */
export type Filter = (chunk: Uint8Array) => Uint8Array[];

/**
 * Checks an uncompressed diff as it arrives: runs of words, each after a head with the index of the first word that it
 * changes, and of the first word after the run.
 */
function diffChecker(bytes: number, fileSize: number): (piece: Uint8Array) => void {
  const words = Math.floor(fileSize / 4);
  let left = bytes;
  /** How many bytes of a run are still to come, without its head. */
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
