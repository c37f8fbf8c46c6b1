/** Starts an app in a new session, and shows its windows by the host's Wayland compositor. */

import { abortable } from "@std/async";
import { all } from "../../base/settle.ts";
import type { ContainerBorder } from "../../container/border.ts";
import type { Container } from "../../container/container.ts";
import type { ShowRequest } from "../request.ts";
import { checkAsking } from "../ask.ts";
import { channelLine } from "../session/channels.ts";
import { reportWaylandOutcome } from "../session/outcome.ts";
import { servePortals } from "../agent/serve.ts";
import { type SessionPlan, startSession } from "../session/session.ts";
import { playSound } from "../session/sound.ts";
import { startWaylandClient } from "./client.ts";
import { awaitRemoteEnd } from "./remote_windows.ts";
import { tellWindowsStay } from "./serve_again.ts";

/**
 * Starts an app in a new session on the host's Wayland compositor, and waits for its end.
 *
 * @returns the exit code
 * @throws {NoWayland} when it is not possible, before the session was started
 */
export async function showByWayland(
  container: Container,
  { plan, request, border }: { plan: Omit<SessionPlan, "display">; request: ShowRequest; border: ContainerBorder },
): Promise<number> {
  const { host, crossesNetwork } = container;
  const { open } = plan;
  const { asks, isDisposable } = request;
  await checkAsking(host, asks);
  await using scope = new AsyncDisposableStack();
  const clipboard = { in: open.has("clipboard-in"), out: open.has("clipboard-out") };
  const client = scope.use(await startWaylandClient(container, { clipboard, border }));
  const { transport, compress, ready } = client;
  // Over a network, the windows last no longer than the connection of this run.
  const outlives = !isDisposable && !crossesNetwork;
  const runsOn = (): boolean => host.signal.aborted && outlives;
  const started = Promise.withResolvers<string>();
  // Nobody may ever wait for it.
  started.promise.catch(() => {});
  const start = async (): Promise<string> => {
    await container.connect();
    // Toolkits ask the agent for the look before they show a window: it starts together with the session.
    scope.use(
      await servePortals(container, { ...request, open, session: started.promise, run: plan.run, runsOn }),
    );
    await container.lendSocket(client.socket, transport);
    container.noteUse();
    started.resolve(startSession(container, { ...plan, display: { transport, compress, ready } }));
    return await started.promise;
  };
  const [, session] = await all([ready, start()]);
  await client.note(session);
  if (outlives) client.keep();
  host.ui.status(
    `${channelLine(open, asks)}; windows by Wayland${crossesNetwork ? ", which close with this run" : ""}`,
  );
  if (open.has("sound")) {
    const player = await playSound(container, session, { outlives });
    if (crossesNetwork) scope.defer(() => player?.kill("SIGTERM"));
  }
  const ended = crossesNetwork
    ? await awaitRemoteEnd(container, { session, client })
    : await abortable(client.ended, host.signal).catch(() => undefined);
  if (host.dryRun) return 0;
  if (!ended) {
    if (outlives) tellWindowsStay(container, { session, open, asks });
    throw host.signal.reason;
  }
  await reportWaylandOutcome(container, { session, windows: ended });
  return 0;
}
