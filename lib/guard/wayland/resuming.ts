/**
 * Streams of waypipe that go on over another connection when one breaks. Both ends count frames, and say by how many
 * they have got: `reconnect_loop` in waypipe's `src/mainloop.c` (0.9.2). The newer waypipe, in Rust, cannot do that.
 */

import { abortable } from "@std/async";
import { concat } from "@std/bytes";
import { Violation } from "../faults.ts";
import { closeQuietly, createWriter, isGone, type Writer } from "../sockets.ts";
import { frameTypes } from "./frames.ts";

/** Those that are not counted, and so are not repeated. */
const { acknowledge, restart, close } = frameTypes;

/** The most that may wait for the other end to have got it, in bytes. */
const maxKept = 2 ** 24;

/** The end of a connection that the container has. */
export interface ContainerEnd {
  /** What comes from it, each valid until the next is asked for. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Writes to it. */
  write: Writer;
  /** Whether it is connected now. */
  isThere(): boolean;
  /** Nothing more is to be read and written. */
  close(): void;
}

/** One that goes on over another connection when one breaks. */
export interface ResumableEnd extends ContainerEnd {
  /** It goes on here. */
  resume(connection: Deno.UnixConn): void;
}

/**
 * Makes the end of a connection that can go on.
 *
 * @param options `bytes`: how many are read at once; `patienceMs`: how long a connection that has broken is waited for
 */
export function resumableEnd(
  first: Deno.UnixConn,
  { bytes, patienceMs }: { bytes: number; patienceMs: number },
): ResumableEnd {
  const kept = keptFrames();
  const resumed = resumedFrames(kept.got);
  /** Where the container is read, and where it is written to, after what is being written. */
  let current: Deno.UnixConn | undefined = first;
  let target = createWriter(first);
  let writing = Promise.resolve();
  let next = Promise.withResolvers<void>();
  const over = new AbortController();
  const write = (pieces: () => readonly Uint8Array[]): Promise<void> =>
    writing = writing.then(() => {
      const due = pieces();
      return target(due);
    }).catch((error) => {
      // What did not arrive is repeated over the next connection.
      if (!isGone(error)) throw error;
    });
  return {
    async *chunks() {
      const buffer = new Uint8Array(bytes);
      for (;;) {
        const own: Deno.UnixConn | undefined = current;
        const count = await own?.read(buffer).catch(() => null) ?? null;
        if (own !== current) continue;
        if (count !== null) {
          yield* resumed.take(buffer.subarray(0, count));
          continue;
        }
        if (own) closeQuietly(own);
        current = undefined;
        next = Promise.withResolvers();
        const patience = setTimeout(() => next.reject(new Deno.errors.UnexpectedEof()), patienceMs);
        await abortable(next.promise, over.signal).finally(() => clearTimeout(patience));
      }
    },
    write: (pieces) =>
      write(() => {
        for (const piece of pieces) kept.add(piece);
        return pieces;
      }),
    isThere: () => current !== undefined,
    close() {
      over.abort();
      if (current) closeQuietly(current);
    },
    resume(connection) {
      if (current) closeQuietly(current);
      current = connection;
      resumed.begin();
      write(() => {
        target = createWriter(connection);
        return kept.repeat();
      });
      next.resolve();
    },
  };
}

/**
 * The container's frames, each once, whatever it repeats.
 *
 * @param onAcknowledge called with the number of frames that the container has got
 */
function resumedFrames(onAcknowledge: (count: number) => void) {
  /** How many frames have come whole, and how many bytes of the next one. */
  let whole = 0;
  let partial = 0;
  /** The number of the frame that comes now, how much of it has come, and how much is to come. */
  let number = 0;
  let at = 0;
  let left = 0;
  let head = new Uint8Array();
  return {
    /** Another connection begins. */
    begin() {
      head = new Uint8Array();
      at = left = 0;
    },
    /** Takes the next bytes of a connection, and returns those that have not come before. */
    take(chunk: Uint8Array): Uint8Array[] {
      const fresh: Uint8Array[] = [];
      let data = chunk;
      while (data.length > 0 || left > 0 && head.length > 0) {
        if (left === 0) {
          const missing = 4 - head.length;
          head = concat([head, data.subarray(0, missing)]);
          data = data.subarray(missing);
          if (head.length < 4) break;
          left = ((wordAt(head, 0) >>> 5) + 3) & ~3;
          if (left < 4) throw new Violation("a frame is not as long as its kind");
        }
        const type = head[0]! & 31;
        if (type === acknowledge || type === restart || type === close) {
          const missing = Math.max(0, 8 - head.length);
          head = concat([head, data.subarray(0, missing)]);
          data = data.subarray(missing);
          if (head.length < 8) break;
          if (left !== 8) throw new Violation("a frame is not as long as its kind");
          if (type === restart) {
            number = wordAt(head, 4);
            if (number > whole) throw new Violation("it leaves out frames after a break");
          } else {
            if (type === acknowledge) onAcknowledge(wordAt(head, 4));
            fresh.push(head);
          }
          head = new Uint8Array();
          left = 0;
          continue;
        }
        const own = head.length > 0 ? head : data.subarray(0, left);
        if (head.length > 0) head = new Uint8Array();
        else data = data.subarray(own.length);
        left -= own.length;
        const before = number < whole ? Infinity : number === whole ? partial : 0;
        if (at + own.length > before) {
          fresh.push(own.subarray(Math.max(0, before - at)));
          partial = at + own.length;
        }
        at += own.length;
        if (left > 0) continue;
        at = 0;
        number++;
        if (number > whole) {
          whole = number;
          partial = 0;
        }
      }
      return fresh;
    },
  };
}

/** The frames to the container that it may not have got. */
function keptFrames() {
  const kept: Uint8Array[] = [];
  let first = 0;
  let bytes = 0;
  let rest: Uint8Array = new Uint8Array();
  return {
    /** More bytes are on their way to it. */
    add(more: Uint8Array): void {
      rest = concat([rest, more]);
      bytes += more.length;
      if (bytes > maxKept) throw new Violation("it does not say what it has got");
      for (;;) {
        if (rest.length < 4) return;
        const length = ((wordAt(rest, 0) >>> 5) + 3) & ~3;
        if (rest.length < length) return;
        const type = rest[0]! & 31;
        if (type === acknowledge || type === close) bytes -= length;
        else kept.push(rest.subarray(0, length));
        rest = rest.subarray(length);
      }
    },
    /** It has got this many frames. */
    got(count: number): void {
      while (first < count && kept.length > 0) {
        first++;
        bytes -= kept.shift()!.length;
      }
    },
    /** What a new connection begins with. */
    repeat(): Uint8Array[] {
      const frame = new Uint8Array(8);
      const view = new DataView(frame.buffer);
      view.setUint32(0, 8 << 5 | restart, true);
      view.setUint32(4, first, true);
      return [frame, ...kept, rest];
    },
  };
}

function wordAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
}
