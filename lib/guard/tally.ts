/** The tally of what was dropped: bounded, and reported once for each type. */

import { Violation } from "./faults.ts";
import { rate } from "./rate.ts";
import { shortLine } from "../base/text.ts";

/** One end of a connection: who has sent a packet, or gets it. */
export type Sender = "container" | "client";

/**
 * Counts a packet that was dropped.
 *
 * @param packet its type, and why it was dropped
 * @returns one line for the user, once for each type that the container sends
 * @throws {Violation} when there are so many that a container keeps the host busy with them
 */
export type Tally = (sender: Sender, packet: { type: string; reason: string }) => string | undefined;

/** The sender chooses the names of types. Only this many are told one by one, all others together. */
const maxTypes = 64;

/**
 * Makes a tally that is empty.
 *
 * @param now a clock in milliseconds
 */
export function createTally(now: () => number): Tally {
  const told = new Set<string>();
  const isBearable = rate({ perSecond: 500, burst: 20_000 }, now);
  return (sender, { type, reason }) => {
    if (!isBearable()) throw new Violation("It sends too many packets that are dropped");
    // What the client sends in vain is not reported: it only means that the container gets less from xpra.
    if (sender === "client") return undefined;
    const named = shortLine(type, 40) || "(no name)";
    const name = told.has(named) || told.size < maxTypes ? named : "(others)";
    if (told.has(name)) return undefined;
    told.add(name);
    return `The container sends "${name}", which is dropped: ${reason}`;
  };
}
