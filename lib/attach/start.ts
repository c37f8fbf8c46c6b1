/** Starts an app in a new session, and shows its windows unless --detached. */

import { join } from "@std/path";
import { ifThere } from "../base/files.ts";
import { lockFile, release } from "../base/lock.ts";
import { all } from "../base/promises.ts";
import { borderOf } from "../container/border.ts";
import type { Container } from "../container/container.ts";
import { checkDirectory } from "../container/mounts.ts";
import { sessionNameOf } from "../container/names.ts";
import { socketPath } from "../container/session_socket.ts";
import { checkAsking } from "./agent/ask.ts";
import { noteOpening, withDefaultApp, withOpenedFile } from "./default_app.ts";
import { withDisplay } from "./choose_display.ts";
import type { StartRequest } from "../settings/request.ts";
import { findPlace, startAgain } from "./same_app.ts";
import { recordChannels } from "../settings/channels.ts";
import { createPermissions } from "./session/permissions.ts";
import { show } from "./show.ts";
import { prepareChannels, startSession } from "./start_session.ts";

/**
 * Starts an app in a new session, and shows it unless --detached. If the app already runs, it is started in that
 * session. If it is a URL, the container's app that handles it is started.
 *
 * @returns the exit code
 */
export async function start(container: Container, given: StartRequest): Promise<number> {
  await noteOpening(container, given);
  const { host, label, mounts, crossesNetwork } = container;
  if (!crossesNetwork) await host.look(undefined, () => checkDirectory(mounts.sockets, container, { isHere: true }));
  const found = await withDefaultApp(container, given);
  // Throws if the path would be too long, including the suffix that a name gets when it is taken.
  socketPath(mounts.sockets, `${found.session ?? sessionNameOf(found.app[0]!)}-99`);
  await using lent = new AsyncDisposableStack();
  using turn = await host.look(new DisposableStack(), () => takeTurn(container, found));
  const { session: name, live } = await findPlace(container, found);
  const request = await withOpenedFile(container, { given, found, session: name, isLive: live !== undefined }, lent);
  if (live) {
    turn.dispose();
    return await startAgain(container, { live, request });
  }
  const { app, asks, detached } = request;
  // Asking this host takes time, so it starts early.
  const prepared = prepareChannels(container, request.open);
  const run = crypto.randomUUID().slice(0, 8);
  const plan = { app, run, name, channels: recordChannels(request.open, asks), isShown: !detached, prepared };
  return await withDisplay(container, request, async (display, why) => {
    const border = await borderOf(container, request.border);
    const permissions = createPermissions(container, request);
    const { open, closing } = permissions;
    if (!detached) await checkAsking(host, asks);
    await using scope = new AsyncDisposableStack();
    const opening = display.open(container, { ...request, open, closing, border, why });
    const [windows] = await all([
      opening.then((windows) => scope.use(windows)),
      detached ? container.boot() : container.connect(),
    ]);
    const start = async (): Promise<void> => {
      await startSession(container, { ...plan, end: await windows.serverEnd() });
      turn.dispose();
    };
    if (!detached) {
      return await show(container, { ...request, permissions, windows, session: name, starting: { start, run } });
    }
    await start();
    host.ui.result(name, { container: label, session: name });
    return 0;
  });
}

/**
 * Waits for other runs that start the same program in this container: at the same time, none would find the other's
 * session, and both would choose the same name. The turn ends with the returned value's scope.
 */
async function takeTurn({ host, mounts }: Container, { app }: StartRequest): Promise<DisposableStack> {
  const turn = new DisposableStack();
  const path = join(mounts.directory, `.start-${sessionNameOf(app[0]!)}`);
  // If the directory is missing, the connection fails later, with a hint.
  const file = await ifThere(lockFile(path, { signal: host.signal }));
  turn.defer(() => release(file));
  return turn;
}
