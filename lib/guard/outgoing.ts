/**
 * What is on its way to the ends of a guard. What the host's end says is judged when it comes, and waits here until the
 * container reads it: one that does not read must not keep the guard from hearing that the user has left.
 */

import { concat } from "@std/bytes";
import { Violation } from "./faults.ts";
import { maxDataBytes } from "./limits.ts";

/** How often to check whether the ends read, in milliseconds. */
export const checkMs = 500;
/**
 * How long an end may read nothing of what waits for it, in milliseconds. After that, nobody counts as working there.
 */
const maxPauseMs = 1_000;
/**
 * How many bytes may wait for the container, on all of its connections together, for more to be taken: xpra sends all
 * that is pasted at once. To slow down who sends would hold up the focus, which comes in the same stream.
 */
const maxWaitingBytes = 2 * maxDataBytes;
/** What a part takes besides its bytes. */
const partBytes = 256;
const joinBytes = 64 * 1024;

/** What is on its way to one end, until its scope ends. */
export interface Outgoing extends Disposable {
  /** Writes parts, which must stay as they are until that is done. */
  write(parts: readonly Uint8Array[]): Promise<void>;
  /** Takes copies of parts, to be written after what waits already. */
  post(parts: readonly Uint8Array[]): void;
  /** Rejects when it cannot be written to; with a {@linkcode Violation} when it is a container that does not read. */
  failed: Promise<never>;
}

/** What is on its way to all ends of a guard. */
export interface AllOutgoing {
  /** Begins to write to the end of a connection. */
  to(connection: Deno.Conn, end: "container" | "host"): Outgoing;
  /**
   * Whether an end has paused for so long that nobody counts as working in the container's windows: the container does
   * not hear what the user does, or what the host's end has to say may wait behind what it does not read.
   */
  isPaused(): boolean;
  /** Checks which ends read. Due each {@linkcode checkMs}: time is counted in checks, as this program may stand still. */
  check(): void;
}

/** Makes the queues of a guard. `stuckMs`: how long the container may read nothing before it is cut off. */
export function createOutgoing({ stuckMs: maxStuckMs }: { stuckMs: number }): AllOutgoing {
  const ends = new Set<End>();
  const mayWait = (): boolean => {
    const waiting = [...ends].reduce((sum, end) => sum + (end.isContainer ? end.waitingBytes() : 0), 0);
    return waiting <= maxWaitingBytes;
  };
  return {
    to(connection, whose) {
      const isContainer = whose === "container";
      const stuckMs = isContainer ? maxStuckMs : Infinity;
      const end = createEnd(connection, { isContainer, mayWait, stuckMs });
      ends.add(end);
      return { ...end, [Symbol.dispose]: () => void ends.delete(end) };
    },
    isPaused: () => [...ends].some((end) => end.pauseMs() >= maxPauseMs),
    check: () => ends.forEach((end) => end.check()),
  };
}

interface End extends Pick<Outgoing, "write" | "post" | "failed"> {
  isContainer: boolean;
  waitingBytes(): number;
  /** For how long it has read nothing of what waits, in milliseconds. */
  pauseMs(): number;
  check(): void;
}

function createEnd(
  connection: Deno.Conn,
  { isContainer, mayWait, stuckMs }: { isContainer: boolean; mayWait: () => boolean; stuckMs: number },
): End {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let written = Promise.resolve();
  let isWriting = false;
  let hasMoved = false;
  let pauseMs = 0;
  const writeAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const parts = waiting.splice(0);
      waitingBytes -= partBytes * parts.length;
      for (const part of joinSmall(parts)) {
        for (let at = 0, count; at < part.length; at += count) {
          count = await connection.write(part.subarray(at));
          waitingBytes -= count;
          hasMoved = true;
          pauseMs = 0;
        }
      }
    }
    isWriting = false;
  };
  const add = (parts: readonly Uint8Array[]): void => {
    for (const part of parts) {
      waitingBytes += part.length + partBytes;
      waiting.push(part);
    }
    if (isWriting) return;
    isWriting = hasMoved = true;
    written = writeAll();
    written.catch(failed.reject);
  };
  return {
    isContainer,
    write(parts) {
      add(parts);
      return written;
    },
    post(parts) {
      if (mayWait()) add([concat(parts)]);
      else failed.reject(new Violation(`more than ${maxWaitingBytes / 2 ** 20} MiB wait for it`));
    },
    failed: failed.promise,
    waitingBytes: () => waitingBytes,
    pauseMs: () => pauseMs,
    check() {
      pauseMs = isWriting && !hasMoved ? pauseMs + checkMs : 0;
      hasMoved = false;
      if (pauseMs < stuckMs) return;
      failed.reject(new Violation(`it has read nothing for ${stuckMs / 1000} seconds`));
    },
  };
}

/** Joins small parts, so that they take one system call; large ones stay as they are, so that they are not copied. */
function* joinSmall(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let small: Uint8Array[] = [];
  let bytes = 0;
  for (const part of parts) {
    if (bytes + part.length > joinBytes) {
      if (small.length > 0) yield concat(small);
      small = [];
      bytes = 0;
    }
    if (part.length > joinBytes) yield part;
    else {
      small.push(part);
      bytes += part.length;
    }
  }
  if (small.length > 0) yield concat(small);
}
