/**
 * The channels of a run: each can be closed at any moment, and some have a time limit. How a container could abuse
 * that, and what prevents it:
 *
 * - It asks again before the time is over, to extend it: nothing that it sends affects a time limit, and while one
 *   runs, no question is asked.
 * - It sets its clock, or the host is suspended: the host's clock counts, see `deadline.ts`.
 * - It continues what it has begun, such as a recording: everything in progress in a channel ends with the channel.
 * - It replaces the socket for the user's commands, or connects to it to open a channel: the socket is in a directory
 *   that no container sees, and only closes channels.
 */

import { asCalled } from "../../base/script_names.ts";
import { showOnDesktop } from "../../base/desktop.ts";
import { clockTime } from "../../base/time.ts";
import type { Container } from "../../container/container.ts";
import type { ChannelName } from "../../channels/table.ts";
import { type Deadline, startDeadline } from "../../guard/deadline.ts";
import { attachLine } from "./advice.ts";
import { channelNames, channelNamesOf } from "../../settings/channels.ts";

export interface Permissions {
  /** The channels that are open now: all checks share this set. A closed channel is never opened again. */
  readonly open: ReadonlySet<ChannelName>;
  /** Returns a signal that aborts when a channel is closed, or that is aborted if it already is. */
  closing(channel: ChannelName): AbortSignal;
  isLimited(channel: ChannelName): boolean;
  /** Starts the time limits of channels. */
  begin(): void;
  /** Allows channels for a time to which the user has agreed, and then calls `end`. Tells the user about both. */
  allowFor(channels: readonly ChannelName[], allowed: { ms: number; then: string; end: () => void }): void;
  /** When the channels with a time limit close, in milliseconds since 1970. */
  ends(): Map<ChannelName, number>;
  /** Closes channels, and returns those that were open. */
  close(channels: Iterable<ChannelName>): ChannelName[];
  /** Closes the channels with a time limit at the end of the run, and returns them. */
  end(): ChannelName[];
  /** Called when a channel was closed, or its time limit has changed. */
  onChange: () => void;
}

/**
 * Makes the permissions of a new run.
 *
 * @param options `times`: the time limits of channels, in milliseconds
 */
export function createPermissions(
  { host, label, engine }: Pick<Container, "host" | "label" | "engine">,
  { open: given, times = new Map() }: {
    open: ReadonlySet<ChannelName>;
    times?: ReadonlyMap<ChannelName, number> | undefined;
  },
): Permissions {
  const open = new Set(given);
  const limited = [...times.keys()].filter((channel) => open.has(channel));
  const closers = new Map(channelNames.map((name) => [name, new AbortController()]));
  for (const [name, closer] of closers) if (!open.has(name)) closer.abort();
  const timers = new Map<Deadline, Set<ChannelName>>();
  const stop = (deadline: Deadline): void => {
    timers.delete(deadline);
    deadline[Symbol.dispose]();
  };
  const tell = (what: string, more = ""): void => {
    host.ui.status(`${what}${more && `. ${more}`}`);
    showOnDesktop(label, asCalled(`${what}. ${more}`.trimEnd(), host.env), { kind: "warning", run: host.run });
  };
  const permissions: Permissions = {
    open,
    closing: (channel) => closers.get(channel)!.signal,
    isLimited: (channel) => limited.includes(channel),
    onChange() {},
    begin() {
      const still = limited.filter((channel) => open.has(channel));
      for (const [ms, channels] of Map.groupBy(still, (channel) => times.get(channel)!)) {
        permissions.allowFor(channels, { ms, then: "closed", end: () => void permissions.close(channels) });
      }
    },
    allowFor(channels, { ms, then, end }) {
      const names = channelNamesOf(new Set(channels));
      const [channel, is] = names.length > 1 ? ["channels", "are"] : ["channel", "is"];
      const what = `The ${channel} ${names.join(", ")} of "${label}" ${is}`;
      const deadline = startDeadline(ms, () => {
        stop(deadline);
        end();
        tell(`${what} ${then}: the time is over`);
        permissions.onChange();
      });
      timers.set(deadline, new Set(channels));
      const ends = permissions.ends();
      const endMs = Math.min(...channels.map((channel) => ends.get(channel)!));
      const line = attachLine({ label, engine }, "--deny", names.join(","));
      tell(`${what} open until ${clockTime(endMs)}`, `To close sooner: ${line}`);
      permissions.onChange();
    },
    ends() {
      const ends = new Map<ChannelName, number>();
      for (const [{ endMs }, channels] of timers) {
        for (const channel of channels) ends.set(channel, Math.min(endMs, ends.get(channel) ?? Infinity));
      }
      return ends;
    },
    close(channels) {
      const closed = [...channels].filter((channel) => open.delete(channel));
      for (const channel of closed) {
        for (const [deadline, of] of timers) if (of.delete(channel) && of.size === 0) stop(deadline);
        closers.get(channel)!.abort();
      }
      if (closed.length > 0) permissions.onChange();
      return closed;
    },
    end() {
      for (const deadline of timers.keys()) stop(deadline);
      return permissions.close(limited);
    },
  };
  return permissions;
}
