/**
 * Turns: what the container sends is judged for a short time only, on all of its connections together, until the host's
 * ends are heard. Otherwise a container that sends much would keep the guard from hearing that the user has left.
 */

import { delay } from "@std/async";
import type { Steps } from "./frames.ts";

/** How long a turn is, in milliseconds. */
export const turnMs = 20;
/** How long the guard then rests: time for the host's ends, of which nothing waits for a turn. */
const restMs = 1;

/**
 * Makes the turns of a session.
 *
 * @returns does steps in turns, the connections one after the other; undefined once `isOver`
 */
export function createTurns(
  now: () => number,
): <T>(steps: Steps<T>, isOver: () => boolean) => Promise<T | undefined> {
  let usedMs = 0;
  let rest: Promise<void> | undefined;
  return async (steps, isOver) => {
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
      if (step.done) return step.value;
      // Those that wait already come first.
      await undefined;
    }
  };
}
