/** Shows a live session again. */

import { inputError } from "../base/errors.ts";
import { all } from "../base/promises.ts";
import { borderOf, type ContainerBorder } from "../container/border.ts";
import type { Container } from "../container/container.ts";
import { checkAsking } from "./agent/ask.ts";
import { withDisplay } from "./choose_display.ts";
import { recordChannels } from "../settings/channels.ts";
import { type DisplayName, displayNamed, displayNames, displays } from "../settings/displays.ts";
import { createPermissions } from "./session/permissions.ts";
import { loadOpen } from "../channels/table.ts";
import { checkRunning, chooseSession, type LiveSession, noteChannels } from "./session/live_sessions.ts";
import type { DisplayWindows } from "./display/display.ts";
import type { ShowRequest } from "../settings/request.ts";
import { serveAgain } from "./serve_again.ts";
import { show } from "./show.ts";

/**
 * Shows a live session again: the named one, the only one, or the one that the user chooses.
 *
 * @returns the exit code
 */
export async function reattach(container: Container, request: ShowRequest): Promise<number> {
  const { host } = container;
  await checkAsking(host, request.asks);
  const border = await borderOf(container, request.border, { isTrial: true });
  const permissions = createPermissions(container, request);
  const { open, closing } = permissions;
  await using scope = new AsyncDisposableStack();
  const options = { ...request, open, closing, border, detached: false };
  const openOn = (display: DisplayName): Promise<DisplayWindows> =>
    withDisplay(container, { ...options, display }, async (on) => scope.use(await on.open(container, options)));
  // The client takes long to load. So it is started before the container is asked which session is meant, if there
  // probably is one.
  const guessed = displayNamed(request.display) ?? displayNamed(host.env("GUI_CONTAINER_DISPLAY")) ??
    displayNames.find((name) => host.env(displays[name].variable));
  const wanted = request.session;
  const seen = await container.seenSessions();
  const isLikely = !seen || (wanted === undefined ? seen.length === 1 : seen.includes(wanted));
  const isEarly = guessed && !displays[guessed].windowsStay && isLikely;
  const early = isEarly ? openOn(guessed) : Promise.resolve(undefined);
  await all([early.catch(() => {}), checkRunning(container, wanted).then(() => container.connect())]);
  const found = await chooseSession(container, wanted);
  const { session, clients } = found;
  checkDisplay(request, found);
  if (displays[found.display].windowsStay) {
    await scope.disposeAsync();
    await keepForLater(container, request.border);
    return await serveAgain(container, { ...request, ...found });
  }
  const windows = found.display === guessed && await early || await openOn(found.display);
  const channels = recordChannels(request.open, request.asks);
  if (channels !== found.channels) await noteChannels(container, { session, channels });
  if (request.border !== undefined) await borderOf(container, border);
  for (const { name, lack } of await loadOpen(open)) {
    const why = await lack?.(container, { session, clients });
    if (why === undefined) continue;
    host.ui.status(why);
    permissions.close([name]);
  }
  return await show(container, { ...request, permissions, windows, session });
}

/**
 * Checks that a session is on the requested display, and that the options apply to it.
 *
 * @throws {UserError} exit code 2
 */
function checkDisplay(
  { display, userOptions, box }: Pick<ShowRequest, "display" | "userOptions" | "box">,
  { session, display: own }: Pick<LiveSession, "session" | "display">,
): void {
  const option = display !== "auto" && display !== own
    ? `--display=${display}`
    : displays[own].windowsStay
    ? [...userOptions, ...box ? [] : ["--no-box"]][0]
    : undefined;
  if (option === undefined) return;
  throw inputError(
    `"${session}" is shown over ${displays[own].title}, and cannot be shown again with ${option}`,
    "Leave the option out",
  );
}

/** Saves a border for windows that are opened later, and tells the user if it is a new one. */
export async function keepForLater(
  container: Pick<Container, "host" | "mounts">,
  chosen: ContainerBorder | "auto" | undefined,
): Promise<void> {
  if (chosen === undefined) return;
  const [before, after] = [await borderOf(container), await borderOf(container, chosen)];
  if (after.colour === before.colour && after.width === before.width && after.isAlways === before.isAlways) return;
  container.host.ui.status(
    "Windows that are open keep their border. The next run that opens some uses the new one",
  );
}
