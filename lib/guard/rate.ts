/** A rate: how often something may happen, with bursts. */

/** Whether it may happen now, once or so many times. Each yes counts. */
export type Rate = (times?: number) => boolean;

/**
 * Makes a rate, a token bucket: `burst` at once, `perSecond` in the long run.
 *
 * @param now a clock in milliseconds
 */
export function rate({ perSecond, burst }: { perSecond: number; burst: number }, now: () => number): Rate {
  let left = burst;
  let last = now();
  return (times = 1) => {
    const time = now();
    left = Math.min(burst, left + (time - last) * perSecond / 1000);
    last = time;
    if (left < times) return false;
    left -= times;
    return true;
  };
}
