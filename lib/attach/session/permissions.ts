/**
 * The channels of a run while it goes on: each can be closed at any moment, some are open for a while. How a container
 * would abuse that, and what stops it:
 *
 * - It asks again before the time is over, to prolong it: nothing that it says reaches these times, and while one runs
 *   there is no other question.
 * - It sets its clock, or has the host suspended: the time is the host's, see `deadline.ts`.
 * - It goes on with what it has begun, such as a recording: all that a channel has under way ends with it.
 * - It replaces the socket by which the user closes a channel, or connects to it to open one: that is in a directory
 *   which no container sees, and by which channels can be closed only.
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
  /** The channels that are open now: everyone who checks them uses this very set. None is opened again. */
  readonly open: ReadonlySet<ChannelName>;
  /** Aborts when a channel is closed, or if it is. */
  closing(channel: ChannelName): AbortSignal;
  isLimited(channel: ChannelName): boolean;
  /** Starts the clocks of the channels with a time limit. */
  begin(): void;
  /** Allows channels for some time, as the user has agreed, and calls `end` after it. Tells the user of both. */
  allowFor(channels: readonly ChannelName[], allowed: { ms: number; then: string; end: () => void }): void;
  /** When the channels with a time limit close, in milliseconds since 1970. */
  ends(): Map<ChannelName, number>;
  /** Closes channels. Returns those that were open. */
  close(channels: Iterable<ChannelName>): ChannelName[];
  /** Closes the channels with a time limit, since the run ends. Returns them. */
  end(): ChannelName[];
  /** Called when a channel has been closed, or has got another time limit. */
  onChange: () => void;
}

/**
 * The channels of a run that has just begun.
 *
 * @param options `times`: for how long the channels with a time limit are open, in milliseconds
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
