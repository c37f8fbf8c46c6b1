/** Starts an app in a new session, and shows its windows unless they are to stay away. */

import { ExitCode } from "../base/errors.ts";
import { all } from "../base/settle.ts";
import { borderOf } from "../container/border.ts";
import type { Container } from "../container/container.ts";
import { socketPath } from "../container/sockets.ts";
import { createMemory } from "../guard/xpra/memory.ts";
import { checkAsking } from "./ask.ts";
import { startClient } from "./x11/client.ts";
import { recordChannels } from "./session/channels.ts";
import { findSameApp, startAgain } from "./same_app.ts";
import { hostAppearance } from "./session/appearance.ts";
import type { StartRequest } from "./request.ts";
import { fallbackScreen, hostScreen, requireDisplay } from "./x11/screen.ts";
import { startSession } from "./session/session.ts";
import { checkSessionName, sessionNameOf } from "../container/names.ts";
import { show } from "./x11/show.ts";
import { againstRemoteWayland, againstWayland, NoWayland } from "./wayland/choice.ts";
import { checkClient } from "./x11/xpra_version.ts";

/**
 * Starts an app in a new session, and shows the session unless that is not wanted. An app that runs already is started in
 * its session.
 *
 * @returns the exit code
 */
export async function start(container: Container, request: StartRequest): Promise<number> {
  const { host, label } = container;
  const { app, display, open, asks, detached } = request;
  const name = request.session ?? sessionNameOf(app[0]!);
  checkSessionName(name);
  // Throws if the path would be too long, even with the suffix that a name gets when it is taken.
  socketPath(container.mounts.xpra, `${name}-99`);
  const live = await findSameApp(container, request);
  if (live) return await startAgain(container, { live, request });
  const appearance = open.has("look") ? hostAppearance(host) : undefined;
  const run = crypto.randomUUID().slice(0, 8);
  const channels = recordChannels(open, asks);
  const plan = { app, run, name, exact: request.session !== undefined, open, channels, isShown: !detached, appearance };
  let against = againstWayland(host, request);
  if (container.crossesNetwork && display === "auto") against ??= againstRemoteWayland(host);
  if (display === "wayland" && against !== undefined) throw new NoWayland(against, { exitCode: ExitCode.usage });
  const border = await borderOf(container, request.border);
  if (display !== "x11" && against === undefined) {
    try {
      const { showByWayland } = await import("./wayland/show.ts");
      const carried = open.difference(new Set(["tray"] as const));
      return await showByWayland(container, { request, border, plan: { ...plan, open: carried } });
    } catch (error) {
      if (!(error instanceof NoWayland) || display === "wayland") throw error;
      against = error.reason;
    }
  }
  // On an X desktop there is nothing to choose, and nothing to say.
  const why = host.env("WAYLAND_DISPLAY") && display === "auto" ? against : undefined;
  if (detached) {
    const [screen] = await all([hostScreen(host).catch(() => fallbackScreen), container.reach()]);
    container.noteUse();
    const session = await startSession(container, { ...plan, display: { screen, why } });
    host.ui.result(session, { container: label, session });
    return 0;
  }
  requireDisplay(host, why);
  await checkAsking(host, asks);
  await using scope = new AsyncDisposableStack();
  // The client takes its time to load: meanwhile the container is reached and the session starts.
  const [{ client, options }] = await all([
    hostScreen(host).then(async (screen) => {
      const options = { ...request, border, container, memory: createMemory(), screen };
      return { options, client: scope.use(await startClient(options)) };
    }),
    container.connect(),
    checkClient(host, why),
  ]);
  container.noteUse();
  const session = await startSession(container, { ...plan, display: { screen: options.screen, why } });
  return await show(options, { session, isNew: true, client, why });
}
