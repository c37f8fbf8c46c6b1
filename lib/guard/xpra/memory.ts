/**
 * What a run remembers about a container from one guard to the next. Otherwise whoever can break the connection, as a
 * container on another machine can, would reset all limits by that.
 */

import { Closing } from "../closing.ts";
import { createRates, rate, type Rates } from "../rate.ts";
import { Violation } from "../faults.ts";
import { shortLine } from "../../base/text.ts";
import type { Sender } from "./packets.ts";

/**
 * Counts a packet that was dropped.
 *
 * @param packet its type, and why it was dropped
 * @returns one line for the user, once for each type that the container sends
 * @throws {Violation} when there are so many that a container keeps the host busy with them
 */
export type Tally = (sender: Sender, packet: { type: string; reason: string }) => string | undefined;

/** How many types are reported one by one, and all others together: the sender chooses their names. */
const maxTypes = 64;

/**
 * Makes an empty tally.
 *
 * @param now a clock in milliseconds
 */
function createTally(now: () => number): Tally {
  const told = new Set<string>();
  const isBearable = rate({ perSecond: 500, burst: 20_000 }, now);
  return (sender, { type, reason }) => {
    if (!isBearable()) throw new Violation("It sends too many packets that are dropped");
    // Dropped packets of the client are not reported: they only mean that the container gets less from xpra.
    if (sender === "client") return undefined;
    const named = shortLine(type, 40) || "(no name)";
    const name = told.has(named) || told.size < maxTypes ? named : "(others)";
    if (told.has(name)) return undefined;
    told.add(name);
    return `The container sends "${name}", which is dropped: ${reason}`;
  };
}

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
  return { rates: createRates(now), drops: createTally(now), closing: new Closing(now) };
}
