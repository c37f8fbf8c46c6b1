/**
 * Deadlines by the host's clock. Their time also passes while the host is suspended, unlike that of timers, and setting
 * the clock back does not prolong it.
 */

/** The longest time between two looks at the clock, in milliseconds. */
const maxPauseMs = 10_000;

/** A deadline that has begun. The end of its scope calls it off. */
export interface Deadline extends Disposable {
  /** When it ends, in milliseconds since 1970. */
  endMs: number;
}

/** Calls `act` once, when so many milliseconds have passed. */
export function startDeadline(afterMs: number, act: () => void): Deadline {
  const endMs = Date.now() + afterMs;
  const endNow = performance.now() + afterMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    const leftMs = Math.min(endMs - Date.now(), endNow - performance.now());
    if (leftMs <= 0) return act();
    timer = setTimeout(look, Math.min(leftMs, maxPauseMs));
  };
  timer = setTimeout(look, Math.min(afterMs, maxPauseMs));
  return { endMs, [Symbol.dispose]: () => clearTimeout(timer) };
}
