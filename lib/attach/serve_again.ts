/**
 * Serves again a session whose windows have stayed on this host's Wayland desktop: the run that showed them has ended,
 * and with it the service for its apps' requests.
 */

import { abortable, delay } from "@std/async";
import type { Container } from "../container/container.ts";
import { attachLine } from "./session/advice.ts";
import type { ShowRequest } from "../settings/request.ts";
import { channelNamesOf, recordChannels, recordedChannels } from "../settings/channels.ts";
import { type ChannelName, channelsWith, servedBy } from "../channels/table.ts";
import { isLive, type LiveSession, noteChannels } from "./session/live_sessions.ts";
import { createPermissions } from "./session/permissions.ts";
import { endedFromOutside, type SessionEnd } from "./session/outcome.ts";
import { sessionScript } from "./session/protocol.ts";
import { show } from "./show.ts";

/** Channels that stay as they were at the session's start, whatever is requested later. */
const goesWithWindows: ReadonlySet<ChannelName> = new Set(channelsWith(({ lasts }) => lasts === "windows"));

/** The channels of these that a guard can close. */
const inGuard: ReadonlySet<ChannelName> = new Set(channelsWith(({ load }) => !load));

/** The least time between two checks whether a session has ended, in milliseconds. */
const askAgainMs = 1_000;

/**
 * Serves a session again until it ends.
 *
 * @returns the exit code
 * @throws the error that ends the run
 */
export async function serveAgain(
  container: Container,
  { session, open, times, asks, opening, channels: recorded }:
    & Pick<ShowRequest, "open" | "times" | "asks" | "opening">
    & Pick<LiveSession, "session" | "channels">,
): Promise<number> {
  const { host } = container;
  const served = open.difference(goesWithWindows);
  const before = recordedChannels(recorded).open;
  const stays = before.intersection(goesWithWindows).difference(open);
  const names = (channels: ReadonlySet<ChannelName>): string => channelNamesOf(channels).join(",");
  const warn = (line: string, channels: ReadonlySet<ChannelName>): void => {
    const clipboard = names(channels.intersection(inGuard));
    const close = clipboard && `To close it: ${attachLine(container, "--deny", clipboard)}. `;
    host.ui.warn(`${line}. ${close}To end the session: ${attachLine(container, "--stop", session)}`, {
      security: true,
    });
  };
  if (stays.size > 0) {
    warn(`"${session}" was started with ${names(stays)}, which stays open while its windows are shown`, stays);
  }
  const own = new Map([...times ?? []].filter(([channel]) => !goesWithWindows.has(channel)));
  const late = new Set(times?.keys()).intersection(goesWithWindows);
  if (late.size > 0) warn(`The time of ${names(late)} has no effect: "${session}" keeps what it has`, late);
  const rest = `the windows of "${session}", its clipboard and its sound are unchanged`;
  const { channels: byAgent, why } = await servedBy(host, served);
  for (const each of why) host.ui.status(each.replace(/^./, (first) => first.toUpperCase()));
  if (byAgent.length === 0) {
    host.ui.status(`There is nothing to resume: ${rest}`);
    return 0;
  }
  const kept = before.intersection(goesWithWindows);
  const permissions = createPermissions(container, { open: kept.union(served), times: own });
  const channels = recordChannels(permissions.open, asks);
  if (channels !== recorded) await noteChannels(container, { session, channels });
  const windows = {
    note: `; ${rest}`,
    outlivesRun: "windows",
    show: () => Promise.resolve(),
    async ended(): Promise<SessionEnd> {
      await awaitEndOf(container, session);
      return { windows: "unknown", failure: (app) => endedFromOutside(container, { session, output: app?.output }) };
    },
  } as const;
  const shown = { permissions, open: permissions.open, asks, opening, windows, session };
  return await show(container, { ...shown, stays: goesWithWindows.difference(inGuard) });
}

/** Waits until a session has ended. */
async function awaitEndOf(container: Container, session: string): Promise<void> {
  const { host } = container;
  do {
    // The container may answer anything at any time: an answer is only a reason to check.
    const asked = container.script({ script: sessionScript("await", { session }), timeoutMs: Infinity });
    await abortable(Promise.all([asked.catch(() => {}), delay(askAgainMs)]), host.signal);
  } while (await host.look(false, () => isLive(container, session, { unknown: true })));
}
