/**
 * Limits how long the guard judges the container's messages at a stretch, over all connections together, before it
 * reads from the host. Otherwise a container that floods the guard would keep it from noticing that the user has left.
 */

import { delay } from "@std/async";
import { Violation } from "../faults.ts";
import type { Steps } from "./frames.ts";

/** The length of a turn, in milliseconds. */
export const turnMs = 20;
/** The pause after a turn, in milliseconds. It is for the host's messages, which wait for no turn. */
const restMs = 1;
/** How long the turns of what was read at once may take, over all connections together, in milliseconds. */
const judgeMs = 2_000;

/**
 * Makes the turns of a session.
 *
 * @returns a function that runs steps in turns, one connection after the other; it resolves to undefined once `isOver`,
 * and throws a {@linkcode Violation} when they take too long
 */
export function createTurns(
  now: () => number,
): <T>(steps: Steps<T>, isOver: () => boolean) => Promise<T | undefined> {
  let usedMs = 0;
  let rest: Promise<void> | undefined;
  return async (steps, isOver) => {
    const begunMs = now();
    for (;;) {
      while (rest) await rest;
      if (isOver()) return undefined;
      const start = now();
      let step;
      do step = steps.next(); while (!step.done && usedMs + now() - start < turnMs);
      usedMs += now() - start;
      if (usedMs >= turnMs) {
        usedMs = 0;
        rest = delay(restMs).then(() => void (rest = undefined));
      }
      // The user may have left since the first of it was judged.
      if (now() - begunMs > judgeMs) throw new Violation("it says more than can be judged in time");
      if (step.done) return step.value;
      // Connections that are already waiting come first.
      await undefined;
    }
  };
}
