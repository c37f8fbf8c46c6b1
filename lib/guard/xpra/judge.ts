/** The verdict on a packet, and what the judges of both directions share. */

import type { Channel } from "../channel.ts";
import { Refusal } from "../faults.ts";
import type { Rate } from "../rate.ts";
import type { CompressedDrawing } from "./drawing.ts";
import type { Packet } from "./packets.ts";
import type { Value } from "./rencode.ts";
import type { Session } from "./session.ts";
import type { Args, Check } from "./shapes.ts";

/** What is sent because of a packet. An empty one drops the packet without counting it. */
export interface Delivery {
  /** Packets for the other end. */
  pass?: readonly Packet[];
  /** Packets back to the sender. */
  answer?: readonly Packet[];
}

/** The packet, and what comes after it, wait until its picture is decoded. */
export interface NeedsDecoding {
  drawing: CompressedDrawing;
}

/** The verdict on a packet that is not refused. */
export type Verdict = Delivery | NeedsDecoding;

/**
 * Returns the verdict on a packet of one type.
 *
 * @throws {Refusal} when the packet must be dropped
 */
export type Judge<V extends Verdict = Verdict> = (packet: Packet, session: Session) => V;

/** The same for packets of several types: part of a table of judges. */
export function forTypes<V extends Verdict>(types: readonly string[], judge: Judge<V>): Record<string, Judge<V>> {
  return Object.fromEntries(types.map((type) => [type, judge]));
}

/** Drops a packet without counting it: honest ends send it, and the other end does not need it. */
export const ignored: Judge<Delivery> = (): Delivery => ({});

export function passOn(type: string, args: Args): Delivery {
  // Arguments that are missing are missing at the end.
  return { pass: [{ type, args: args as Value[] }] };
}

/**
 * Passes a packet on when `check` accepts its arguments.
 *
 * @param act what else they do. It may return other arguments, or false: then the packet is dropped without counting it
 */
export function plain<A extends Args>(
  check: Check<A>,
  act: (args: A, session: Session) => Args | boolean | void = () => {},
): Judge<Delivery> {
  return ({ type, args }, session) => {
    const checked = check(args);
    const passing = act(checked, session);
    if (passing === false) return {};
    return passOn(type, typeof passing === "object" ? passing : checked);
  };
}

/**
 * Checks that at least one of the channels is open.
 *
 * @throws {Refusal} when all are closed
 */
export function requireOpen({ open }: Pick<Session, "open">, ...channels: readonly Channel[]): void {
  if (!channels.some((channel) => open.has(channel))) throw new Refusal("the channel is closed");
}

/**
 * Counts one more use.
 *
 * @throws {Refusal} when there are more than the rate allows
 */
export function enforceRate(rate: Rate): true {
  if (!rate()) throw new Refusal("there are too many");
  return true;
}
