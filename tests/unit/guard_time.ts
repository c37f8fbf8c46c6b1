/** The clock of the guards in a test. */

/** The guards' time, in place of the real one until its scope ends: it stands still, and no interval comes by itself. */
export interface GuardTime extends Disposable {
  /** So many milliseconds pass. */
  wait(ms: number): void;
  /** The guard looks so many times: what was begun last with an interval is called. */
  look(times: number): void;
}

export function startGuardTime(): GuardTime {
  const { setInterval } = globalThis;
  const { now } = performance;
  let look = (): void => {};
  let later = 0;
  globalThis.setInterval = ((action: () => void) => (look = action, 0)) as unknown as typeof setInterval;
  const start = performance.now();
  performance.now = () => start + later;
  return {
    wait: (ms) => void (later += ms),
    look(times) {
      for (let count = 0; count < times; count++) look();
    },
    [Symbol.dispose]() {
      globalThis.setInterval = setInterval;
      performance.now = now;
    },
  };
}

/** What comes within so many real milliseconds; undefined for nothing. */
export async function soon<T>(what: Promise<T>, ms = 3_000): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(late.resolve, ms, undefined);
  return await Promise.race([what, late.promise]).finally(() => clearTimeout(timer));
}
