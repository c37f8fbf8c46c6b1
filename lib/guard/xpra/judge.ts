/** The interface of judges, which decide about packets, and what the judges of both directions share. */

import { Refusal } from "../faults.ts";
import type { Rate } from "../rate.ts";
import type { Packet, Sender } from "./packets.ts";
import type { Picture } from "./pictures.ts";
import type { Value } from "./rencode.ts";
import type { Session } from "./session.ts";
import type { Args, Check } from "./shapes.ts";

/** The verdict on a packet that is not refused. An empty one drops the packet without counting it. */
export interface Delivery {
  /** Packets for the other end. */
  pass?: readonly Packet[];
  /** Packets back to the sender. */
  answer?: readonly Packet[];
  /** A picture to be decoded first. Later packets wait for it. */
  picture?: Picture | undefined;
}

/**
 * Returns the verdict on a packet of one type.
 *
 * @throws {Refusal} when the packet must be dropped
 */
export type Judge = (packet: Packet, session: Session) => Delivery;

/** The receiver of each end's packets. */
const receivers: Readonly<Record<Sender, string>> = { client: "the container", container: "xpra's client" };

/** The judge of one end's packets, made of judges for their types. */
export function judgeFrom(sender: Sender, judges: ReadonlyMap<string, Judge>): Judge {
  return (packet, session) => {
    const { type } = packet;
    const judge = judges.get(type);
    if (!judge) throw new Refusal(`${receivers[sender]} does not need it`);
    const isHello = type === "hello";
    if (isHello === session.greeted.has(sender) && type !== "disconnect") {
      throw new Refusal(`the ${sender} has ${isHello ? "said hello already" : "not said hello"}`);
    }
    const delivery = judge(packet, session);
    if (isHello) session.greeted.add(sender);
    return delivery;
  };
}

/** A part of a table of judges: the same judge for several types. */
export function forTypes(types: readonly string[], judge: Judge): Record<string, Judge> {
  return Object.fromEntries(types.map((type) => [type, judge]));
}

/** Drops a packet that honest ends send, and the other end does not need, without counting it. */
export const ignored: Judge = (): Delivery => ({});

export function passOn(type: string, args: Args, picture?: Picture): Delivery {
  // Only arguments at the end can be missing.
  return { pass: [{ type, args: args as Value[] }], picture };
}

/**
 * Passes a packet on when `check` accepts its arguments.
 *
 * @param act may return other arguments, or false to drop the packet without counting it
 */
export function plain<A extends Args>(
  check: Check<A>,
  act: (args: A, session: Session) => Args | boolean | void = () => {},
): Judge {
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
export function requireOpen({ open }: Pick<Session, "open">, ...channels: readonly string[]): void {
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
