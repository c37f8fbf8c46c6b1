/**
 * A time after which something ends, by the clock of the host. It also passes while the host is suspended, which timers
 * do not count, and setting the clock back gains nothing.
 */

/** How long it may take at most until a look at the clock, in milliseconds. */
const maxPauseMs = 10_000;

/** The clocks of a deadline, in milliseconds. */
export interface Clocks {
  /** Since 1970. */
  wall: () => number;
  /** Goes on evenly, and may stand while the host is suspended. */
  now: () => number;
  /** The longest pause between two looks at them. */
  pauseMs: number;
}

const hostClocks: Clocks = { wall: Date.now, now: () => performance.now(), pauseMs: maxPauseMs };

/** A deadline that has begun. It does nothing more at the end of this value's scope. */
export interface Deadline extends Disposable {
  /** When it ends, in milliseconds since 1970. */
  endMs: number;
}

/** Calls `act` once, when so many milliseconds have passed. */
export function startDeadline(afterMs: number, act: () => void, { wall, now, pauseMs }: Clocks = hostClocks): Deadline {
  const endMs = wall() + afterMs;
  const endNow = now() + afterMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    const leftMs = Math.min(endMs - wall(), endNow - now());
    if (leftMs <= 0) return act();
    timer = setTimeout(look, Math.min(leftMs, pauseMs));
  };
  timer = setTimeout(look, Math.min(afterMs, pauseMs));
  return { endMs, [Symbol.dispose]: () => clearTimeout(timer) };
}
