/** Shows a live session again. */

import { inputError } from "../base/errors.ts";
import { all } from "../base/settle.ts";
import { borderOf } from "../container/border.ts";
import type { Container } from "../container/container.ts";
import { createMemory } from "../guard/xpra/memory.ts";
import { checkAsking } from "./ask.ts";
import { keepForLater } from "./keep_border.ts";
import { recordChannels } from "./session/channels.ts";
import type { Channel } from "../guard/channel.ts";
import { startClient } from "./x11/client.ts";
import { chooseSession, type LiveSession, noteChannels } from "./session/live_sessions.ts";
import type { ShowRequest } from "./request.ts";
import { hostScreen, requireDisplay } from "./x11/screen.ts";
import { show } from "./x11/show.ts";
import { mayHaveSound } from "./session/sound.ts";
import { checkClient } from "./x11/xpra_version.ts";

/**
 * Shows a live session again: the one that is named, the only one, or the one that the user chooses.
 *
 * @returns the exit code
 */
export async function reattach(container: Container, request: ShowRequest): Promise<number> {
  const { host } = container;
  await checkAsking(host, request.asks);
  const border = await borderOf(container, request.border, { isTrial: true });
  await using scope = new AsyncDisposableStack();
  const startFor = async (options: Parameters<typeof startClient>[0]): ReturnType<typeof startClient> =>
    scope.use(await startClient(options));
  // The client takes its time to load, so it is started before it is known which session is meant, if there seems to be
  // one. On a Wayland desktop, its windows have probably stayed.
  const isLikelyX = [request.display, host.env("GUI_CONTAINER_DISPLAY")].includes("x11") ||
    !host.env("WAYLAND_DISPLAY");
  const isEarly = !host.dryRun && isLikelyX && await isLikely(container, request.session);
  const prepared = (async () => {
    requireDisplay(host);
    const [made] = await all([
      hostScreen(host).then(async (screen) => {
        const options = { ...request, border, container, memory: createMemory(), screen };
        return { options, early: isEarly ? await startFor(options) : undefined };
      }),
      checkClient(host),
    ]);
    return made;
  })();
  // A session on Wayland needs none of this.
  await all([prepared.catch(() => {}), container.connect()]);
  const found = await chooseSession(container, request.session);
  const { session, clients } = found;
  checkDisplay(request, found);
  if (found.display === "wayland") {
    await scope.disposeAsync();
    await keepForLater(container, request.border);
    return await (await import("./wayland/serve_again.ts")).serveAgain(container, { ...request, ...found });
  }
  const channels = recordChannels(request.open, request.asks);
  if (channels !== found.channels) await noteChannels(container, { session, channels });
  const { options, early } = await prepared;
  if (request.border !== undefined) await borderOf(container, border);
  const silence = await whyNoSound(container, { session, clients, open: options.open });
  if (silence !== undefined) host.ui.status(silence);
  const shown = silence === undefined ? options : { ...options, open: options.open.difference(new Set(["sound"])) };
  const client = early ?? await startFor(shown);
  return await show(shown, { session, isNew: false, client });
}

/**
 * Checks that a session is shown in the way that is asked for, and can have the options.
 *
 * @throws {UserError} exit code 2
 */
function checkDisplay(
  { display, userOptions, box }: Pick<ShowRequest, "display" | "userOptions" | "box">,
  { session, display: own }: Pick<LiveSession, "session" | "display">,
): void {
  const option = display !== "auto" && display !== own
    ? `--display=${display}`
    : own === "wayland"
    ? [...userOptions, ...box ? [] : ["--no-box"]][0]
    : undefined;
  if (option === undefined) return;
  throw inputError(
    `"${session}" is shown by ${own === "x11" ? "X" : "Wayland"}, and cannot be shown again with ${option}`,
    "Leave that out",
  );
}

/** Whether {@linkcode chooseSession} will find a session, as far as that is known before the container is asked. */
async function isLikely(container: Container, wanted: string | undefined): Promise<boolean> {
  const seen = await container.seenSessions();
  if (!seen) return true;
  return wanted === undefined ? seen.length === 1 : seen.includes(wanted);
}

/** Why a session is not heard, although its sound is wanted. */
async function whyNoSound(
  container: Container,
  { session, clients, open }: { session: string; clients: number; open: ReadonlySet<Channel> },
): Promise<string | undefined> {
  if (!open.has("sound")) return undefined;
  if (clients > 0) return `Another client is attached to "${session}", and plays its sound`;
  return await mayHaveSound(container, session)
    ? undefined
    : `There is no sound: "${session}" was started without the channel`;
}
