/**
 * The queues of bytes for both ends of a guard. What the host's end says is judged at once, and waits here until the
 * container reads it: a container that does not read must not keep the guard from hearing that the user has left.
 */

import { concat } from "@std/bytes";
import { Violation } from "./faults.ts";
import { maxDataBytes } from "./limits.ts";

/** How often to check whether the ends read, in milliseconds. */
export const checkMs = 500;
/** How long an end may read nothing of what waits for it before nobody counts as working there, in milliseconds. */
const maxPauseMs = 1_000;
/**
 * How many bytes may wait for the container, on all of its connections together: xpra sends all that is pasted at once.
 * Slowing down the sender would delay news about the focus, which come in the same stream.
 */
const maxWaitingBytes = 2 * maxDataBytes;
/** The overhead that counts for each waiting part, in bytes. */
const overheadBytes = 256;

/** The queue for one end, until its scope ends. */
export class Outgoing implements Disposable {
  readonly #failed = Promise.withResolvers<never>();
  /**
   * Rejects when the end cannot be written to; with a {@linkcode Violation} when it is a container that does not read.
   */
  readonly failed: Promise<never> = this.#failed.promise;
  /** For how long the end has read nothing of what waits, in milliseconds. */
  pauseMs = 0;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #written = Promise.resolve();
  #isWriting = false;
  /** Whether the end has read something since the last check. */
  #hasMoved = false;

  constructor(
    private readonly connection: Deno.Conn,
    private readonly whose: "container" | "host",
    private readonly ends: Set<Outgoing>,
  ) {
    this.failed.catch(() => {});
    ends.add(this);
  }

  /** Writes parts. A single part is not copied, and must not change until it is written. */
  write(parts: readonly Uint8Array[]): Promise<void> {
    return parts.length === 0 ? this.#written : this.#add(parts.length === 1 ? parts[0]! : concat(parts));
  }

  /** Queues copies of parts. */
  post(parts: readonly Uint8Array[]): void {
    let waits = 0;
    for (const end of this.ends) if (end.whose === "container") waits += end.#waitingBytes;
    if (waits <= maxWaitingBytes) this.#add(concat(parts));
    else this.#failed.reject(new Violation(`more than ${maxWaitingBytes / 2 ** 20} MiB wait for it`));
  }

  #add(bytes: Uint8Array): Promise<void> {
    this.#waitingBytes += bytes.length + overheadBytes;
    this.#waiting.push(bytes);
    if (!this.#isWriting) {
      this.#isWriting = this.#hasMoved = true;
      this.#written = this.#writeAll();
      this.#written.catch(this.#failed.reject);
    }
    return this.#written;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      for (const next of this.#waiting.splice(0)) {
        this.#waitingBytes -= overheadBytes;
        for (let at = 0, count; at < next.length; at += count) {
          count = await this.connection.write(next.subarray(at));
          this.#waitingBytes -= count;
          this.#hasMoved = true;
          this.pauseMs = 0;
        }
      }
    }
    this.#isWriting = false;
  }

  /** Checks whether the end reads. */
  check(stuckMs: number): void {
    this.pauseMs = this.#isWriting && !this.#hasMoved ? this.pauseMs + checkMs : 0;
    this.#hasMoved = false;
    if (this.whose !== "container" || this.pauseMs < stuckMs) return;
    this.#failed.reject(new Violation(`it has read nothing for ${stuckMs / 1000} seconds`));
  }

  [Symbol.dispose](): void {
    this.ends.delete(this);
  }
}

/** The queues for all ends of a guard. */
export class AllOutgoing {
  readonly #ends = new Set<Outgoing>();
  #checkedMs: number;

  /** `stuckMs`: how long the container may read nothing before it is disconnected; `now`: a clock in milliseconds. */
  constructor(private readonly stuckMs: number, private readonly now: () => number = () => performance.now()) {
    this.#checkedMs = now();
  }

  /** Makes the queue for the end of a connection. */
  to(connection: Deno.Conn, end: "container" | "host"): Outgoing {
    return new Outgoing(connection, end, this.#ends);
  }

  /**
   * Whether an end has paused for so long that nobody counts as working in the container's windows: the container does
   * not hear what the user does, or news from the host's end wait behind what that does not read. The same holds when
   * this process itself has paused.
   */
  isPaused(): boolean {
    return this.now() - this.#checkedMs >= checkMs + maxPauseMs ||
      [...this.#ends].some(({ pauseMs }) => pauseMs >= maxPauseMs);
  }

  /** Checks which ends read. Due every {@linkcode checkMs}: time is counted in checks, as this process may pause. */
  check(): void {
    this.#checkedMs = this.now();
    for (const end of this.#ends) end.check(this.stuckMs);
  }
}
