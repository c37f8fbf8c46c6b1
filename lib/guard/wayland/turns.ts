/**
 * Limits how long the guard judges the container's messages at a stretch, over all connections together, before it
 * reads from the host. Otherwise a container that floods the guard would keep it from noticing that the user has left.
 */

import { delay } from "@std/async";
import type { Steps } from "./frames.ts";

/** The length of a turn, in milliseconds. */
export const turnMs = 20;
/** The pause after a turn, in milliseconds. It is for the host's messages, which wait for no turn. */
const restMs = 1;

/**
 * Makes the turns of a session.
 *
 * @returns a function that runs steps in turns, one connection after the other; it resolves to undefined once `isOver`
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
      // Connections that are already waiting come first.
      await undefined;
    }
  };
}
