/** Undo on failure: each step that succeeds adds an action; when a step fails, the actions run, newest first. */

import { isFailure, isSystemError, lineOf, UserError } from "./errors.ts";
import type { Host } from "./host.ts";

/** How long all actions together may take, in milliseconds. */
const maxUndoMs = 120_000;

/** The actions that undo what was done so far. */
export interface Undo {
  /** Adds an action that undoes a step. `what` completes the message "Could not …" for when the action fails. */
  add(what: string, action: (host: Host) => Promise<unknown>): void;
}

/**
 * Runs `work`. When it throws, runs the actions that it added, newest first, and throws the same error. The actions get
 * a {@linkcode Host} that signals do not stop. An action that fails is reported, and the others still run.
 *
 * @param options `keep`: called instead of the actions when `work` throws
 */
export async function withUndo<T>(
  host: Host,
  work: (undo: Undo) => Promise<T>,
  { keep }: { keep?: (() => Promise<void>) | false } = {},
): Promise<T> {
  await using stack = new AsyncDisposableStack();
  let cleaning: Host | undefined;
  const undo: Undo = {
    add(what, action) {
      stack.defer(async () => {
        cleaning ??= host.forCleanup(AbortSignal.timeout(maxUndoMs));
        await Promise.try(action, cleaning).catch((error) =>
          host.ui.error({
            message: `Could not ${what}: ${error instanceof Error ? error.message : error}`,
            hint: "Fix that, then run the script again: it finishes the cleanup",
            output: isFailure(error) ? error.output : "",
          })
        );
      });
    },
  };
  try {
    const result = await work(undo);
    stack.move();
    return result;
  } catch (error) {
    if (keep) {
      stack.move();
      await keep();
    }
    throw error;
  }
}

/**
 * Runs `act` on a host for cleaning up, whose programs end when the time is over, or when `until` aborts.
 *
 * @throws `late` when the time is over
 */
export async function withDeadline<T>(
  host: Host,
  { deadlineMs, until, late, act }: {
    deadlineMs: number;
    until?: AbortSignal;
    late: UserError;
    act: (cleaner: Host) => Promise<T>;
  },
): Promise<T> {
  const over = AbortSignal.timeout(deadlineMs);
  try {
    return await act(host.forCleanup(until ? AbortSignal.any([over, until]) : over));
  } catch (error) {
    throw error instanceof DOMException && error.name === "TimeoutError" ? late : error;
  }
}

/** Waits for the end of a run. After a signal, which is the run's error then, what fails is told, too. */
export async function endOfRun<T>(host: Host, ending: Promise<T>): Promise<T> {
  try {
    return await ending;
  } catch (error) {
    if (host.signal.aborted && (isFailure(error) || isSystemError(error))) host.ui.warn(lineOf(error));
    throw error;
  }
}
