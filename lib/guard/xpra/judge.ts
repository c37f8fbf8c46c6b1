/** What the judges of both directions share. */

import type { Channel } from "../channel.ts";
import { Refusal } from "../faults.ts";
import type { Packet } from "./packets.ts";
import type { Value } from "./rencode.ts";
import type { SessionState, Verdict } from "./state.ts";

/**
 * Decides what becomes of a packet of one type.
 *
 * @throws {Refusal} when the packet must be dropped
 */
export type Judge = (packet: Packet, session: SessionState) => Verdict;

/**
 * Checks that at least one of the channels is open.
 *
 * @throws {Refusal} when all are closed
 */
export function requireOpen({ open }: SessionState, ...channels: readonly Channel[]): void {
  if (!channels.some((channel) => open.has(channel))) throw new Refusal("the channel is closed");
}

/** Passes a packet on when `check` accepts its arguments. */
export function plain(check: (values: readonly Value[]) => Value[]): Judge {
  return ({ type, args }) => ({ pass: { type, args: check(args) } });
}

/** Passes a packet on when at least one of the channels is open, and `check` accepts its arguments. */
export function onChannel(channels: readonly Channel[], check: (values: readonly Value[]) => Value[]): Judge {
  const judge = plain(check);
  return (packet, session) => {
    requireOpen(session, ...channels);
    return judge(packet, session);
  };
}

/** Drops a packet without counting it: honest ends send it, and the other end does not need it. */
export const ignored: Judge = (): Verdict => ({});
