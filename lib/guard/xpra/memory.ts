/**
 * What a run remembers of a container from one guard to the next. Whoever can break the connection, as a container on
 * another machine can, would otherwise get a new start by that.
 */

import { type Rate, rate } from "../rate.ts";
import { createTally, type Tally } from "../tally.ts";

/** How often the container may do what is seen or heard outside of its windows, and what costs the host. */
export type Rates = Readonly<
  Record<"bell" | "raise" | "change" | "cursor" | "copy" | "paste", Rate>
>;

/** What a run remembers. */
export interface RunMemory {
  /** What the container has used up. */
  rates: Rates;
  /** What was dropped. */
  drops: Tally;
}

/**
 * Makes the memory of a run that has just begun.
 *
 * @param now a clock in milliseconds
 */
export function createMemory(now: () => number = () => performance.now()): RunMemory {
  return { rates: createRates(now), drops: createTally(now) };
}

/** Makes rates of which nothing is used up. */
export function createRates(now: () => number): Rates {
  return {
    bell: rate({ perSecond: 4, burst: 8 }, now),
    raise: rate({ perSecond: 5, burst: 20 }, now),
    change: rate({ perSecond: 500, burst: 5000 }, now),
    // xpra 6.5.5 sends at most 100 a second.
    cursor: rate({ perSecond: 150, burst: 1000 }, now),
    // While text is selected with the pointer, GTK copies it at each move.
    copy: rate({ perSecond: 50, burst: 200 }, now),
    paste: rate({ perSecond: 50, burst: 200 }, now),
  };
}
