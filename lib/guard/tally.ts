/** The tally of what was dropped: counted by type, and reported once for each. */

import { Violation } from "./faults.ts";
import { rate } from "./rate.ts";
import { shortLine } from "../base/text.ts";

/** One end of a connection: who has sent a packet, or gets it. */
export type Sender = "container" | "client";

export interface Tally {
  /** The number by sender and type, such as `container pointer-grab`. */
  counts: ReadonlyMap<string, number>;
  /**
   * Counts a packet that was dropped.
   *
   * @param packet its type, and why it was dropped
   * @returns one line for the user, once for each type that the container sends
   * @throws {Violation} when there are so many that a container keeps the host busy with them
   */
  add(sender: Sender, packet: { type: string; reason: string }): string | undefined;
}

/** The sender chooses the names of types. Only this many are counted separately; all others are counted together. */
const maxTypes = 64;

/**
 * Makes a tally that is empty.
 *
 * @param now a clock in milliseconds
 */
export function createTally(now: () => number): Tally {
  const counts = new Map<string, number>();
  const isBearable = rate({ perSecond: 500, burst: 20_000 }, now);
  return {
    counts,
    add(sender, { type, reason }) {
      const named = `${sender} ${shortLine(type, 40) || "(no name)"}`;
      const key = counts.has(named) || counts.size < maxTypes ? named : `${sender} (others)`;
      const before = counts.get(key) ?? 0;
      counts.set(key, before + 1);
      if (!isBearable()) throw new Violation("It sends too many packets that are dropped");
      // What the client sends in vain is not reported: it only means that the container gets less from xpra.
      if (before > 0 || sender === "client") return undefined;
      return `The container sends "${key.slice(sender.length + 1)}", which is dropped: ${reason}`;
    },
  };
}
