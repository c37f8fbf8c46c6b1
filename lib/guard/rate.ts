/**
 * Rates: how often something may happen, with bursts. Among them are those of all that a container does outside of its
 * windows, or at the host's cost.
 */

/** Whether something may happen now, once or several times. Each yes counts. */
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

const limits = {
  bell: { perSecond: 4, burst: 8 },
  // A window is raised.
  raise: { perSecond: 5, burst: 20 },
  // A window changes its title or place.
  change: { perSecond: 500, burst: 5000 },
  // xpra 6.5.5 sends at most 100 a second.
  cursor: { perSecond: 150, burst: 1000 },
  // While text is selected with the pointer, GTK copies it at each move.
  copy: { perSecond: 50, burst: 200 },
  paste: { perSecond: 50, burst: 200 },
};

export type Rates = Readonly<Record<keyof typeof limits, Rate>>;

/**
 * Makes rates of which nothing is used up.
 *
 * @param now a clock in milliseconds
 */
export function createRates(now: () => number): Rates {
  return Object.fromEntries(Object.entries(limits).map(([name, limit]) => [name, rate(limit, now)])) as Rates;
}

/** The rate of new windows and popups, counted anew by each guard: xpra opens all windows again at its start. */
export const openingRate = { perSecond: 30, burst: 200 };
