/** Starts an app in a new session, and shows its windows unless they are to stay away. */

import { all } from "../base/promises.ts";
import { borderOf } from "../container/border.ts";
import type { Container } from "../container/container.ts";
import { checkDirectory } from "../container/mounts.ts";
import { checkSessionName, sessionNameOf } from "../container/names.ts";
import { socketPath } from "../container/session_socket.ts";
import { checkAsking } from "./agent/ask.ts";
import { noteOpening, withDefaultApp } from "./default_app.ts";
import { withDisplay } from "./choose_display.ts";
import type { StartRequest } from "./display/request.ts";
import { findSameApp, startAgain } from "./same_app.ts";
import { hostAppearance } from "./session/appearance.ts";
import { recordChannels } from "./session/channels.ts";
import { createPermissions } from "./session/permissions.ts";
import { show } from "./show.ts";
import { NameTaken, startSession } from "./start_session.ts";

/**
 * Starts an app in a new session, and shows the session unless that is not wanted. An app that runs already is started
 * in its session. An address in its place stands for the container's app that opens it.
 *
 * @returns the exit code
 */
export async function start(container: Container, given: StartRequest): Promise<number> {
  await noteOpening(container, given);
  try {
    return await startOnce(container, given);
  } catch (error) {
    // Another run has just taken the name that was found for the app of a file: the app runs now, or it gets the next
    // name.
    if (given.session !== undefined || !(error instanceof NameTaken)) throw error;
    return await startOnce(container, given);
  }
}

async function startOnce(container: Container, given: StartRequest): Promise<number> {
  let isTaken = false;
  await using lent = new AsyncDisposableStack();
  const request = await withDefaultApp(container, given, lent, () => isTaken);
  const { host, label, mounts, crossesNetwork } = container;
  const { app, asks, detached } = request;
  const name = request.session ?? sessionNameOf(app[0]!);
  checkSessionName(name);
  // Throws if the path would be too long, even with the suffix that a name gets when it is taken.
  socketPath(mounts.sockets, `${name}-99`);
  if (!crossesNetwork) await host.look(undefined, () => checkDirectory(mounts.sockets, container, { isHere: true }));
  const live = await findSameApp(container, request);
  if (live) return await startAgain(container, { live, request });
  const appearance = request.open.has("look") ? hostAppearance(host) : undefined;
  const run = crypto.randomUUID().slice(0, 8);
  const channels = recordChannels(request.open, asks);
  const plan = { app, run, name, exact: request.session !== undefined, channels, isShown: !detached, appearance };
  return await withDisplay(container, request, async (display, why) => {
    const border = await borderOf(container, request.border);
    const permissions = createPermissions(container, request);
    const { open } = permissions;
    if (!detached) await checkAsking(host, asks);
    await using scope = new AsyncDisposableStack();
    const opening = display.open(container, { ...request, open, border, why });
    const [windows] = await all([
      opening.then((windows) => scope.use(windows)),
      detached ? container.boot() : container.connect(),
    ]);
    const start = async (): Promise<string> => {
      container.noteUse();
      return await startSession(container, { ...plan, open, end: await windows.serverEnd() }).catch((error) => {
        isTaken = given.session === undefined && error instanceof NameTaken;
        throw error;
      });
    };
    if (!detached) return await show(container, { ...request, permissions, windows, session: { start, run } });
    const session = await start();
    host.ui.result(session, { container: label, session });
    return 0;
  });
}
