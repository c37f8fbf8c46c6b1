/**
 * The frames of waypipe's stream, versions 0.9 to 0.11: a word `size << 5 | type` in little-endian, then the rest of
 * the `size` bytes, padded to four. See `wmsg_type` in waypipe's `src/util.h` (0.9.2).
 */

import { Violation } from "../faults.ts";
import { PendingBytes } from "../pending_bytes.ts";
import type { Descriptor, Descriptors } from "./descriptors.ts";

/** How waypipe compresses the content of files. The guard checks only the size of compressed content. */
export type Compression = "none" | "zstd";

/** The types of frames that the guard knows by name. */
export const frameTypes = {
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

/** A kind of frame that may pass. */
interface FrameKind {
  size: readonly [min: number, max: number];
  /** How many bytes are checked before it passes; undefined: all. */
  head?: number;
  /** The kind of descriptor that it is about. The frame is dropped if that descriptor has ended. */
  about?: Descriptor["kind"];
  /** Returns the verdict on it; undefined: it passes. */
  judge(frame: FrameHead): FrameVerdict | void | Steps<FrameVerdict | void>;
}

/** The verdict on a frame that does not pass unchanged, or whose content the guard reads. */
interface FrameVerdict {
  /** The frame that passes in its place. */
  instead?: Uint8Array;
  /** Takes the bytes after the head as they come. */
  takeRest?: (bytes: Uint8Array) => void;
}

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
  view: DataView;
  /** The first word after the header, which in most frames is the number of a descriptor; 0: there is none. */
  number: number;
  /** The descriptor that the frame is about, if its kind has `about`. */
  descriptor: Descriptor | undefined;
  size: number;
}

/** The kinds of frames that may pass, by waypipe's numbers in `src/util.h`. */
export type FrameKinds = Readonly<Record<number, FrameKind>>;

/** Drops a frame: one without messages passes in its place, since waypipe counts frames. */
export const droppedFrame: FrameVerdict = { instead: frameOf("messages", {}) };

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
  kinds: FrameKinds,
  descriptors: Descriptors,
): { take(chunk: Uint8Array): Steps<Uint8Array[]>; isBetween(): boolean } {
  /** The beginning of a frame that cannot be judged yet. */
  const pending = new PendingBytes();
  /** How many bytes are left of a frame whose head was judged. */
  let rest = 0;
  let verdict: FrameVerdict | void;
  let isClosed = false;
  let isTaking = false;

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
        verdict?.takeRest?.(data.subarray(at, end));
        if (verdict?.instead) flush(end);
        else at = end;
        continue;
      }
      if (isClosed) throw new Violation("it sends more after its end");
      wanted = 4;
      if (data.length - at < wanted) break;
      const header = (data[at]! | data[at + 1]! << 8 | data[at + 2]! << 16 | data[at + 3]! << 24) >>> 0;
      const [size, type] = [header >>> 5, header & 31];
      const kind = kinds[type];
      if (!kind) throw new Violation(`waypipe sends what needs a graphics card, or is unknown (type ${type})`);
      if (size < kind.size[0] || size > kind.size[1]) throw new Violation("a frame has the wrong length for its kind");
      const padded = (size + 3) & ~3;
      const head = wanted = kind.head ?? padded;
      if (data.length - at < wanted) break;
      const view = new DataView(data.buffer, data.byteOffset + at, head);
      const number = head < 8 ? 0 : view.getInt32(4, true);
      const descriptor = kind.about && descriptors.find(number, kind.about);
      const judged = kind.about && !descriptor ? droppedFrame : kind.judge({ view, number, size, descriptor });
      verdict = judged && "next" in judged ? yield* judged : judged;
      yield;
      isClosed = type === frameTypes.close;
      rest = padded - head;
      if (verdict?.instead) {
        flush(at + head);
        passing.push(verdict.instead);
      } else at += head;
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
