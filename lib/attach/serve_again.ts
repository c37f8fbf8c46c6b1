/**
 * Serves a session again whose windows have stayed on this host's Wayland desktop: the run that showed them has ended,
 * and with it what its apps ask of the host.
 */

import { abortable, delay } from "@std/async";
import type { Container } from "../container/container.ts";
import { attachLine } from "./session/advice.ts";
import { agentChannels, servedChannels } from "./agent/agent.ts";
import { servePortals } from "./agent/serve.ts";
import type { ShowRequest } from "./display/request.ts";
import { channelLine, channelNamesOf, recordChannels, recordedChannels } from "./session/channels.ts";
import type { Channel } from "../guard/channel.ts";
import { openingLine } from "./session/destinations.ts";
import { isLive, type LiveSession, noteChannels } from "./session/live_sessions.ts";
import { createPermissions } from "./session/permissions.ts";
import { openToCommands } from "./session/runs.ts";
import { reportOutcome, tellWindowsStay } from "./session/outcome.ts";
import { sessionScript } from "./session/protocol.ts";
import { keepDrops } from "./wayland/take_drops.ts";

/** What goes with a run where its windows stay. */
const goesWithRun: ReadonlySet<Channel> = new Set([...agentChannels, "look"]);

/** The channels that stay as they were when the session was started, whatever is asked for later. */
const goesWithWindows: readonly Channel[] = ["clipboard-in", "clipboard-out", "sound"];

/** How often it is asked at most whether a session has ended, in milliseconds. */
const askAgainMs = 1_000;

/**
 * Serves a session again until it ends.
 *
 * @returns the exit code
 * @throws what ends the run
 */
export async function serveAgain(
  container: Container,
  { session, open, times, asks, opening, channels: recorded }:
    & Pick<ShowRequest, "open" | "times" | "asks" | "opening">
    & Pick<LiveSession, "session" | "channels">,
): Promise<number> {
  const { host, history } = container;
  const served = open.intersection(goesWithRun);
  const before = recordedChannels(recorded).open;
  const stays = before.intersection(new Set(goesWithWindows)).difference(open);
  const names = (channels: ReadonlySet<Channel>): string => channelNamesOf(channels).join(",");
  const warn = (line: string, channels: ReadonlySet<Channel>): void => {
    const clipboard = names(channels.difference(new Set(["sound"])));
    const close = clipboard && `To close it: ${attachLine(container, "--deny", clipboard)}. `;
    host.ui.warn(`${line}. ${close}To end the session: ${attachLine(container, "--stop", session)}`, {
      security: true,
    });
  };
  if (stays.size > 0) {
    warn(`"${session}" was started with ${names(stays)}, which stays open while its windows are shown`, stays);
  }
  const own = new Map([...times ?? []].filter(([channel]) => goesWithRun.has(channel)));
  const late = new Set(times?.keys()).intersection(new Set(goesWithWindows));
  if (late.size > 0) {
    warn(`The time of ${names(late)} has no effect: "${session}" keeps what it has`, late);
  }
  const rest = `the windows of "${session}", its clipboard and its sound are as they were`;
  const byAgent = await servedChannels(host, served);
  if (served.has("tray") && !byAgent.includes("tray")) host.ui.status("This desktop takes no icons");
  if (byAgent.length === 0) {
    host.ui.status(`There is nothing to serve again: ${rest}`);
    return 0;
  }
  const kept = before.difference(goesWithRun);
  const permissions = createPermissions(container, { open: kept.union(served), times: own });
  const channels = recordChannels(permissions.open, asks);
  if (channels !== recorded) await noteChannels(container, { session, channels });
  history.add({ kind: "session", what: "is shown again", session, channels });
  let gone: readonly Channel[] = [];
  {
    await using portals = await host.look(
      undefined,
      () => servePortals(container, { permissions, asks, opening, session, runsOn: () => host.signal.aborted }),
    );
    await using _drops = portals && await keepDrops(container, { session, portals });
    host.ui.status(`${channelLine(served, asks)}${openingLine(served, opening)}; ${rest}`);
    await using _commands = await host.look(
      undefined,
      () => openToCommands(container, { session, permissions, asks, stays: ["sound"] }),
    );
    await awaitEndOf(container, session);
    gone = portals?.served() ?? [];
  }
  history.add({ kind: "session", what: host.signal.aborted ? "runs on" : "ends", session });
  if (host.signal.aborted) {
    tellWindowsStay(container, { session, open: permissions.open, asks, opening, gone });
    throw host.signal.reason;
  }
  await host.look(undefined, () => reportOutcome(container, { session }));
  return 0;
}

/** Waits until a session has ended, or the run is to end. */
async function awaitEndOf(container: Container, session: string): Promise<void> {
  const { host } = container;
  try {
    do {
      // The container may answer anything at any time: its answer only means that it is worth looking.
      const asked = container.script({ script: sessionScript("await", { session }), timeoutMs: Infinity });
      await abortable(Promise.all([asked.catch(() => {}), delay(askAgainMs)]), host.signal);
    } while (await host.look(false, () => isLive(container, session)));
  } catch (error) {
    if (!host.signal.aborted) throw error;
  }
}
