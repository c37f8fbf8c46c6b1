/** The kinds of waypipe's frames that may pass, each with its verdict: by what it is about, and how it is within that. */

import { Violation } from "../faults.ts";
import type { PipeReader } from "./carrying.ts";
import { Descriptor, type Descriptors, type FrameSender } from "./descriptors.ts";
import { type Compression, droppedFrame, type FrameKinds, frameOf, frameTypes, type Steps } from "./frames.ts";

/** The largest frame of messages, in bytes. waypipe sends at once what it has read, in messages of up to 4096 bytes. */
const maxMessages = 2 ** 18;
/** The largest frame for a pipe, in bytes. */
const maxPipe = 2 ** 20;
/** The most bytes at the end of a file that do not fill one of waypipe's blocks. */
const maxTrailing = 63;
/** The largest size that a header can state, in bytes. */
const maxSize = 2 ** 27 - 1;

export interface FrameOptions {
  sender: FrameSender;
  compression: Compression;
  descriptors: Descriptors;
  /** Takes complete messages, and returns what passes in their place; one step for each message. */
  onMessages(messages: Uint8Array): Steps<Uint8Array>;
  /** How many of the guard's own frames each end has received, as if the other end had sent them. */
  added: Record<FrameSender, number>;
}

/** Makes all kinds that may pass: those of waypipe, but for graphics cards, video, and moving to another connection. */
export function frameKinds(options: FrameOptions): FrameKinds {
  const { sender, descriptors, onMessages, added } = options;
  return {
    ...fileFrames(options),
    ...pipeFrames(options),
    [frameTypes.messages]: {
      size: [4, maxMessages],
      *judge({ view, size }) {
        const messages = new Uint8Array(view.buffer, view.byteOffset + 4, size - 4);
        const passing = yield* onMessages(messages);
        return passing === messages ? undefined : { instead: frameOf("messages", { bytes: passing }) };
      },
    },
    [frameTypes.descriptors]: {
      size: [8, 260],
      judge({ view, size }) {
        if (size % 4 !== 0) throw new Violation("a frame has the wrong length for its kind");
        const numbers = Array.from({ length: size / 4 - 1 }, (_, index) => view.getInt32(4 + 4 * index, true));
        const passing = numbers.filter((number) => descriptors.send(sender, number));
        if (passing.length === numbers.length) return undefined;
        return passing.length === 0 ? droppedFrame : { instead: frameOf("descriptors", { numbers: passing }) };
      },
    },
    [frameTypes.acknowledge]: {
      size: [8, 8],
      judge: ({ number }) =>
        added[sender] === 0 ? undefined : { instead: frameOf("acknowledge", { numbers: [number - added[sender]] }) },
    },
    [frameTypes.close]: { size: [8, 8], judge() {} },
  };
}

/** What the kinds of frames with a file's content have in common. */
const content = { size: [16, maxSize], head: 16, about: "file" } as const;

/** The frames about files that both ends share, such as the memory of an app's pictures. */
function fileFrames({ sender, compression, descriptors }: FrameOptions): FrameKinds {
  const checkPayload = (there: number, declared: number): void => {
    const isFitting = compression === "none"
      ? there === declared
      : there <= declared + Math.ceil(declared / 128) + 1024;
    if (!isFitting) throw new Violation("a frame has the wrong length for its content");
  };
  return {
    // Opens a file.
    2: {
      size: [12, 12],
      judge: ({ view, number }) =>
        descriptors.open(new Descriptor(number, "file", sender, { size: view.getUint32(8, true) })),
    },
    // Extends a file.
    3: {
      size: [12, 12],
      about: "file",
      judge: ({ view, descriptor }) => descriptors.extend(descriptor!, { sender, size: view.getUint32(8, true) }),
    },
    // Fills a part of a file.
    5: {
      ...content,
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
      ...content,
      judge({ view, size, descriptor: file }) {
        const [bytes, trailing] = [view.getUint32(8, true), view.getUint32(12, true)];
        // At worst, each block of eight bytes has a head of eight bytes.
        const isFitting = bytes % 4 === 0 && bytes <= 2 * file!.size + 16 &&
          trailing <= Math.min(maxTrailing, file!.size);
        if (file!.opener !== sender || !isFitting) throw new Violation("a file is changed beyond its end");
        checkPayload(size - 16, bytes + trailing);
        return compression === "none" ? { takeRest: diffChecker(bytes, file!.size) } : undefined;
      },
    },
  };
}

/** The frames about pipes, through which the clipboard's data passes: between the ends, or to the guard itself. */
function pipeFrames({ sender, descriptors }: FrameOptions): FrameKinds {
  const other: FrameSender = sender === "host" ? "container" : "host";
  const openPipe = (...writers: FrameSender[]): FrameKinds[number] => ({
    size: [8, 8],
    judge: ({ number }) => descriptors.open(new Descriptor(number, "pipe", sender, { writers: new Set(writers) })),
  });
  /** The guard's reader of a pipe: it takes what comes from the end that did not open it, never the opener's bytes. */
  const readerOf = ({ opener, reader }: Descriptor): PipeReader | undefined => opener === sender ? undefined : reader;
  const closePipe = (writer: FrameSender): FrameKinds[number] => ({
    size: [8, 8],
    about: "pipe",
    judge({ number, descriptor }) {
      const reader = readerOf(descriptor!);
      if (!reader) {
        const isNews = descriptors.close(descriptor!, writer);
        if (!descriptors.isOpen(number)) descriptor!.reader?.end(false);
        return isNews ? undefined : droppedFrame;
      }
      // The guard may still write into an app's pipe.
      if (sender === "container") descriptors.forget(number);
      else descriptor!.writers.delete(sender);
      reader.end(true);
      return droppedFrame;
    },
  });
  return {
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
        if (!reader) return descriptors.write(descriptor!, size - 8) ? undefined : droppedFrame;
        let left = size - 8;
        return {
          ...droppedFrame,
          takeRest(bytes) {
            reader.take(bytes.subarray(0, left));
            left = Math.max(0, left - bytes.length);
          },
        };
      },
    },
    // The reading end of a pipe was closed.
    11: closePipe(other),
    [frameTypes.closeWriting]: closePipe(sender),
  };
}

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
