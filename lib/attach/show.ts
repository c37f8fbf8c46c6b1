/** Shows a session on a display, and serves its apps' requests, until it ends or the user leaves it. */

import { isFailure, orElse, orNothing } from "../base/errors.ts";
import type { Container } from "../container/container.ts";
import { readLoans } from "../container/lend/journal.ts";
import type { Loan } from "../container/lend/loan.ts";
import { Unreachable } from "../container/ssh.ts";
import { servePortals } from "./agent/serve.ts";
import type { DisplayWindows } from "./display/display.ts";
import type { ShowRequest } from "../settings/request.ts";
import { type ChannelName, loadOpen } from "../channels/table.ts";
import { attachLine, reattachLine } from "./session/advice.ts";
import { channelLine, recordChannels } from "../settings/channels.ts";
import { openingLine } from "../channels/destinations.ts";
import type { Permissions } from "./session/permissions.ts";
import { openToCommands } from "./session/runs.ts";
import { setIn } from "../settings/apply.ts";
import { findSession, stopAtEnd } from "./session/live_sessions.ts";
import { reportOutcome, runsOnAfter, type SessionEnd } from "./session/outcome.ts";
import { keepDrops } from "./wayland/take_drops.ts";

export interface ShowOptions extends Pick<ShowRequest, "open" | "asks" | "opening" | "channelsFrom"> {
  /** The channels, shared with {@linkcode windows}. */
  permissions: Permissions;
  windows: Pick<DisplayWindows, "note" | "outlivesRun" | "show" | "closeClipboard" | "ended">;
  /** The channels that another run has opened, and that this one cannot close. */
  stays?: ReadonlySet<ChannelName>;
  /** The session's name. */
  session: string;
  /** Starts the session, if it is a new one. */
  starting?: { start(): Promise<void>; run: string };
}

/**
 * Shows a session until it ends or the user leaves it, even if the connection to it breaks meanwhile.
 *
 * @returns the exit code
 * @throws why it has ended, unless by the end of its app
 */
export async function show(
  container: Container,
  { permissions, open: wanted, asks, opening, channelsFrom, windows, stays = new Set(), session, starting }:
    ShowOptions,
): Promise<number> {
  const { host, history } = container;
  const { open } = permissions;
  const { outlivesRun, note } = windows;
  const runsOn = async (): Promise<boolean> =>
    outlivesRun === "session"
      ? await runsOnAfter(container, session)
      : outlivesRun === "windows" && host.signal.aborted;
  const before = new Set(open);
  // Toolkits ask the agent for the look before they show a window, so it starts together with the session.
  await using portals = await host.look(undefined, () =>
    servePortals(container, {
      permissions,
      asks,
      opening,
      session,
      run: starting?.run,
      runsOn,
    }));
  await starting?.start();

  // They do not follow the permissions of the run.
  const closeClipboard = async (channels: readonly ChannelName[]): Promise<void> =>
    await windows.closeClipboard?.(session, channels).catch((error) => host.ui.warn(error.message, { security: true }));
  const begin = async (line?: string): Promise<AbortController> => {
    const over = new AbortController();
    await windows.show(session);
    // An earlier --deny has found no guard.
    const channels = [...before.difference(open)];
    if (channels.length > 0) await closeClipboard(channels);
    if (line !== undefined) host.ui.status(line);
    try {
      // The session may run before the SSH connection that serves it is there.
      await container.reach();
      await carry(container, { permissions, outlivesRun, stays, session, over: over.signal });
    } catch (error) {
      // The windows exist: the user leaves them, which is no error.
      if (!host.signal.aborted) throw error;
    }
    return over;
  };
  const wait = async (over: AbortController): Promise<SessionEnd | undefined> => {
    try {
      return await orNothing(windows.ended(session), () => host.signal.aborted);
    } finally {
      over.abort();
    }
  };
  history.add({
    kind: "session",
    what: starting ? "starts" : "is shown again",
    session,
    channels: recordChannels(open, asks),
  });
  // Must precede the guard's session file, by which --deny finds sessions.
  await using _commands = await host.look(
    undefined,
    () => openToCommands(container, { session, permissions, asks, stays }),
  );
  const line = `${channelLine(open, asks)}${openingLine(open, opening)}${setIn(channelsFrom)}${note}`;
  const over = await begin(line).catch(async (error) => {
    // Otherwise the app would run unseen.
    if (starting) await stopAtEnd(container, session);
    throw error;
  });
  await host.look(undefined, () => permissions.begin());
  await using _drops = portals && await keepDrops(container, { session, portals });
  const end = await awaitEnd(container, session, wait(over), async () => await wait(await begin()));
  const isLeft = await host.look(false, runsOn);
  if (isLeft) await closeClipboard(permissions.end());
  history.add({ kind: "session", what: isLeft ? "runs on" : "ends", session });
  if (!end || host.signal.aborted) {
    // All that the user has not denied meanwhile, also what another client has for now.
    const shown = { session, open: wanted.difference(before.difference(open)), asks, opening };
    if (outlivesRun === "windows") tellWindowsStay(container, { ...shown, gone: portals?.served() ?? [] });
    else if (isLeft) {
      host.ui.status(`Detached; the app runs on. To come back: ${reattachLine(container, shown)}`);
    }
    throw host.signal.reason;
  }
  if (!isLeft) await host.look(undefined, () => takeBackStayed(container, session));
  await host.look(undefined, () => reportOutcome(container, { session, end }));
  return 0;
}

/** Waits for the end of a session that is shown. Calls `again` to show it each time a broken connection is restored. */
async function awaitEnd(
  container: Container,
  session: string,
  shown: Promise<SessionEnd | undefined>,
  again: () => Promise<SessionEnd | undefined>,
): Promise<SessionEnd | undefined> {
  const { signal } = container.host;
  let end = await shown;
  try {
    while (!signal.aborted && await container.isLost()) {
      await container.reconnect();
      try {
        if (!await findSession(container, session)) break;
        end = await again();
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return end;
}

/** Runs the channels that are separate from the windows until `over` aborts. */
async function carry(
  container: Container,
  { permissions, outlivesRun, stays, session, over }:
    & Pick<ShowOptions, "permissions">
    & Pick<DisplayWindows, "outlivesRun">
    & { stays: ReadonlySet<ChannelName>; session: string; over: AbortSignal },
): Promise<void> {
  for (const { name, show } of await loadOpen(permissions.open.difference(stays))) {
    // A channel with a time limit ends with the run, which alone knows the limit.
    const remains = outlivesRun === "windows" && !permissions.isLimited(name);
    const closing = permissions.closing(name);
    const signal = remains ? closing : AbortSignal.any([closing, over]);
    await show?.(container, session, { stays: remains, signal });
  }
}

/**
 * Tells the user at the end of a run what stays on the Wayland desktop, what does not, and what to type.
 *
 * @param options `gone`: the channels that close with this run
 */
function tellWindowsStay(
  container: Container,
  { gone, ...shown }: Parameters<typeof reattachLine>[1] & { gone: readonly ChannelName[] },
): void {
  const stop = `To end it: ${attachLine(container, "--stop", shown.session)}`;
  const again = `To have ${gone.length === 1 ? "that" : "these"} again: ${reattachLine(container, shown)}. `;
  const without = gone.length === 0 ? ". " : `, without ${gone.join(", ")}. ${again}`;
  container.host.ui.status(`The windows stay, and the app runs on${without}${stop}`);
}

/** Takes back files that other runs have left lent to a session that has ended. */
async function takeBackStayed(container: Container, session: string): Promise<void> {
  const { host, name } = container;
  const hasStayed = (loan: Loan): boolean => loan.instance === name && loan.session === session && loan.owner === null;
  const end = async (): Promise<void> => {
    if ((await readLoans(host)).some(hasStayed)) await (await container.loans(session)).end({ runsOn: false });
  };
  await orElse(end(), isFailure, ({ message }) => host.ui.warn(message));
}
