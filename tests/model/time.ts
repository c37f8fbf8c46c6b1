/** A time that passes only when the model says so: clocks and timers of the guard's go by it, and tests do not wait. */

import { setImmediate } from "node:timers";

/** The model's time, in place of the real one until its scope ends. */
export interface ModelTime extends Disposable {
  /** In milliseconds. */
  now(): number;
  /** The clock of the host is set, by so many milliseconds; as it is when the host has been suspended. */
  setClock(byMs: number): void;
  /** So many milliseconds pass. `then` is called after each timer, when what it has begun is done. */
  pass(ms: number, then?: () => void): Promise<void>;
  /**
   * As much passes as it takes until that is settled.
   *
   * @throws when it is not settled after a minute of the real time
   */
  until<T>(what: Promise<T>): Promise<T>;
}

/** Whatever can happen without time has happened. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Takes the place of the real time.
 *
 * @param options `maxMs`: for how long {@linkcode ModelTime.until} waits, in milliseconds of the real time
 */
export function startTime({ maxMs = 60_000 }: { maxMs?: number } = {}): ModelTime {
  const { setTimeout, clearTimeout, setInterval, clearInterval, performance } = globalThis;
  const [realNow, realDate] = [performance.now, Date.now];
  const timers = new Map<number, { at: number; action: () => void; everyMs: number | undefined }>();
  let now = 10_000;
  let wallMs = realDate() - now;
  let last = 0;
  const start = (everyMs: number | undefined) => (action: () => void, ms = 0): number => {
    timers.set(++last, { at: now + ms, action, everyMs: everyMs === undefined ? undefined : ms });
    return last;
  };
  const stop = (timer: number | undefined): void => void timers.delete(timer!);
  const first = (): [timer: number, at: number] | undefined => {
    const [next] = [...timers].toSorted(([, one], [, other]) => one.at - other.at);
    return next && [next[0], next[1].at];
  };
  const fire = (timer: number): void => {
    const { at, action, everyMs } = timers.get(timer)!;
    now = Math.max(now, at);
    if (everyMs === undefined) timers.delete(timer);
    else timers.set(timer, { at: at + everyMs, action, everyMs });
    action();
  };
  performance.now = () => now;
  Date.now = () => wallMs + now;
  Object.assign(globalThis, {
    setTimeout: start(undefined),
    setInterval: start(0),
    clearTimeout: stop,
    clearInterval: stop,
  });
  return {
    now: () => now,
    setClock: (byMs) => void (wallMs += byMs),
    async pass(ms, then) {
      const end = now + ms;
      for (let next; (next = first()) && next[1] <= end;) {
        fire(next[0]);
        await settle();
        then?.();
      }
      now = end;
      await settle();
      then?.();
    },
    async until(what) {
      let isSettled = false;
      const note = (): void => void (isSettled = true);
      what.then(note, note);
      const startMs = realDate();
      for (await settle(); !isSettled; await settle()) {
        if (realDate() - startMs > maxMs) throw new Error(`What is waited for is not settled after ${maxMs} ms`);
        const next = first();
        if (next) fire(next[0]);
      }
      return await what;
    },
    [Symbol.dispose]() {
      performance.now = realNow;
      Date.now = realDate;
      Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval });
    },
  };
}
