/** What becomes of a packet, and what the judges of both directions share. */

import type { Channel } from "../channel.ts";
import type { Question } from "../consent.ts";
import { Refusal } from "../faults.ts";
import type { Rate } from "../rate.ts";
import type { CompressedDrawing } from "./drawing.ts";
import type { Packet } from "./packets.ts";
import type { Value } from "./rencode.ts";
import type { Session } from "./session.ts";

/** What is sent and asked because of a packet. An empty one drops the packet without counting it. */
export interface Delivery {
  /** What goes on to the other end. */
  pass?: readonly Packet[];
  /** What goes back to where the packet came from. */
  answer?: readonly Packet[];
  /** What the host's desktop is asked to do. xpra's client cannot ask: its box has no access to the desktop's bus. */
  request?: DesktopRequest;
  /** Why the packet counts as dropped, although it is answered. */
  refusal?: string;
}

/** The packet waits for the user's consent; what comes after it does not. */
export interface NeedsConsent {
  /** What the user is asked. */
  question: Question;
  /** Called when the answer is yes. */
  granted(): Delivery;
  /** What becomes of the packet when the answer is no. */
  denied: Delivery;
}

/** The packet, and what comes after it, wait until its picture is decoded. */
export interface NeedsDecoding {
  /** What to decode. */
  drawing: CompressedDrawing;
}

/** What becomes of a packet that is not refused. */
export type Verdict = Delivery | NeedsConsent | NeedsDecoding;

/** What an app may ask of the host's desktop, over an open channel. */
export type DesktopRequest =
  | {
    kind: "link";
    /** An address of the web, as a browser writes it. */
    url: string;
  }
  | {
    kind: "notification";
    /** One line, starting with the container's name. */
    title: string;
    /** Lines of text, as markup that shows them as they are. */
    body: string;
  };

/**
 * Decides what becomes of a packet of one type.
 *
 * @throws {Refusal} when the packet must be dropped
 */
export type Judge<V extends Verdict = Verdict> = (packet: Packet, session: Session) => V;

/** Takes the arguments of a packet and returns those that may pass, or throws a refusal. */
export type Check = (values: readonly Value[]) => Value[];

/** Drops a packet without counting it: honest ends send it, and the other end does not need it. */
export const ignored: Judge<Delivery> = (): Delivery => ({});

/** Passes one packet on. */
export function passOn(type: string, args: Value[]): Delivery {
  return { pass: [{ type, args }] };
}

/** Passes a packet on when `check` accepts its arguments. */
export function plain(check: Check): Judge<Delivery> {
  return ({ type, args }) => passOn(type, check(args));
}

/** Passes a packet on when at least one of the channels is open, and `check` accepts its arguments. */
export function onChannel(channels: readonly Channel[], check: Check): Judge<Delivery> {
  return ({ type, args }, session) => {
    requireOpen(session, ...channels);
    return passOn(type, check(args));
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
export function enforceRate(rate: Rate): void {
  if (!rate()) throw new Refusal("there are too many");
}
