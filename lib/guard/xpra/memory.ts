/**
 * What a run remembers of a container from one guard to the next. Whoever can break the connection, as a container on
 * another machine can, would otherwise get a new start by that.
 */

import { type Closing, createClosing } from "../closing.ts";
import { createRates, type Rates } from "../rate.ts";
import { createTally, type Tally } from "../tally.ts";

export interface RunMemory {
  rates: Rates;
  drops: Tally;
  closing: Closing;
}

/**
 * Makes the memory of a run that has just begun.
 *
 * @param now a clock in milliseconds
 */
export function createMemory(now: () => number = () => performance.now()): RunMemory {
  return { rates: createRates(now), drops: createTally(now), closing: createClosing(now) };
}
