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
   * not hear what the user does, or what the host's end has to say may wait behind what it does not read. The same goes
   * for this program: what the host says waits until it has time.
   */
  isPaused(): boolean;
  /** Checks which ends read. Due each {@linkcode checkMs}: time is counted in checks, as this program may stand still. */
  check(): void;
}

interface End {
  isContainer: boolean;
  waitingBytes: number;
  isWriting: boolean;
  /** It has read something since the last check. */
  hasMoved: boolean;
  /** For how long it has read nothing of what waits, in milliseconds. */
  pauseMs: number;
  failed: PromiseWithResolvers<never>;
}

/** Makes the queues of a guard. `stuckMs`: how long the container may read nothing before it is cut off. */
export function createOutgoing(
  { stuckMs, now = () => performance.now() }: { stuckMs: number; now?: () => number },
): AllOutgoing {
  let checkedMs = now();
  const ends = new Set<End>();
  return {
    to(connection, whose) {
      const failed = Promise.withResolvers<never>();
      failed.promise.catch(() => {});
      const isContainer = whose === "container";
      const end: End = { isContainer, waitingBytes: 0, isWriting: false, hasMoved: false, pauseMs: 0, failed };
      ends.add(end);
      const waiting: Uint8Array[] = [];
      let written = Promise.resolve();
      const writeAll = async (): Promise<void> => {
        while (waiting.length > 0) {
          const parts = waiting.splice(0);
          end.waitingBytes -= partBytes * parts.length;
          for (const part of joinSmall(parts)) {
            for (let at = 0, count; at < part.length; at += count) {
              count = await connection.write(part.subarray(at));
              end.waitingBytes -= count;
              end.hasMoved = true;
              end.pauseMs = 0;
            }
          }
        }
        end.isWriting = false;
      };
      const add = (parts: readonly Uint8Array[]): void => {
        for (const part of parts) {
          end.waitingBytes += part.length + partBytes;
          waiting.push(part);
        }
        if (end.isWriting) return;
        end.isWriting = end.hasMoved = true;
        written = writeAll();
        written.catch(failed.reject);
      };
      return {
        write(parts) {
          add(parts);
          return written;
        },
        post(parts) {
          let waits = 0;
          for (const { isContainer, waitingBytes } of ends) if (isContainer) waits += waitingBytes;
          if (waits <= maxWaitingBytes) add([concat(parts)]);
          else failed.reject(new Violation(`more than ${maxWaitingBytes / 2 ** 20} MiB wait for it`));
        },
        failed: failed.promise,
        [Symbol.dispose]: () => void ends.delete(end),
      };
    },
    isPaused: () => now() - checkedMs >= checkMs + maxPauseMs || [...ends].some(({ pauseMs }) => pauseMs >= maxPauseMs),
    check() {
      checkedMs = now();
      for (const end of ends) {
        end.pauseMs = end.isWriting && !end.hasMoved ? end.pauseMs + checkMs : 0;
        end.hasMoved = false;
        if (!end.isContainer || end.pauseMs < stuckMs) continue;
        end.failed.reject(new Violation(`it has read nothing for ${stuckMs / 1000} seconds`));
      }
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
