/** Undo on failure: a stack filled as steps succeed, run newest first, disarmed at the end. */

import { ProcessError, UserError } from "./errors.ts";
import type { Host } from "./host.ts";

/** Longest time all undoing together may take, in milliseconds. */
const undoDeadlineMs = 120_000;

/** What can be undone so far. */
export interface Undo {
  /** Adds the undoing of a step that has just been done, or is about to be. `what` completes "Could not …". */
  add(what: string, action: (host: Host) => Promise<unknown>): void;
}

/**
 * Runs `work`; when it throws, undoes newest first what it added, then throws the same error. The actions get a
 * {@linkcode Host} that a signal does not stop; one that fails is told and does not keep the others from running.
 *
 * @param options `keep`: called when work throws, in place of undoing
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
        cleaning ??= host.forCleanup(AbortSignal.timeout(undoDeadlineMs));
        try {
          await action(cleaning);
        } catch (error) {
          const output = error instanceof UserError || error instanceof ProcessError ? error.output : "";
          host.ui.error(
            `Could not ${what}: ${error instanceof Error ? error.message : error}`,
            "Run the script again when that is mended: it goes on with it",
            output,
          );
        }
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
