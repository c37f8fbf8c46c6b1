/** `attach.ts --list`: lists the live sessions of a container and its copies, of those of a remote, or of all. */

import type { Host } from "../base/host.ts";
import { oneLine } from "../base/text.ts";
import { clockTime, localTime } from "../base/time.ts";
import { showTable } from "../cli/table.ts";
import { copyOfKey } from "../container/disposables.ts";
import { listOfAll, unusableError } from "../container/managed.ts";
import { resolveContainer } from "../container/resolve.ts";
import type { EngineOptions } from "../container/address.ts";
import { listInstances } from "../engine/instance.ts";
import { recordedChannels } from "../settings/channels.ts";
import { displays } from "../settings/displays.ts";
import { findRuns } from "./session/runs.ts";
import { listAllSessions, listSessions, type LiveSession } from "./session/live_sessions.ts";

/**
 * Prints the live sessions of one container and its disposable copies, or of all.
 *
 * @param word the container, or `REMOTE:` for all containers there, as in the engine's own CLI
 */
export async function showSessions(host: Host, word: string | undefined, options: EngineOptions): Promise<number> {
  const [, remote] = /^([^:]+):$/.exec(word ?? "") ?? [];
  const { sessions, unasked } = word === undefined || remote !== undefined
    ? await listAllSessions(host, await listOfAll(host, { ...options, remote }))
    : await listContainer(host, word, options);
  const runs = sessions.length === 0 ? [] : await host.look([], () => findRuns(host));
  const untilOf = ({ container, session }: LiveSession): [string, string][] =>
    runs.filter((run) => run.container === container && run.session === session)
      .flatMap(({ until }) => Object.entries(until));
  const rows = sessions.map((live) => {
    const { container, session, app, pid, since } = live;
    const until = untilOf(live).map(([channel, time]) => `${channel} ${clockTime(Date.parse(time))}`).join(", ");
    const { date, time } = localTime(Date.parse(since));
    return [container, session, oneLine(app), pid, clientsOf(live), `${date} ${time}`, until].map(String);
  });
  const hasEnds = rows.some((row) => row.at(-1) !== "");
  showTable(host.ui, hasEnds ? rows : rows.map((row) => row.slice(0, -1)), {
    heading: ["CONTAINER", "SESSION", "APP", "PID", "CLIENTS", "SINCE", ...hasEnds ? ["OPEN UNTIL"] : []],
    none: unasked.length === 0 ? "No session runs" : `Cannot tell whether a session runs in ${unasked.join(", ")}`,
    data: sessions.map((live) => ({ ...dataOf(live), until: Object.fromEntries(untilOf(live)) })),
  });
  return 0;
}

/** A session as docs/reference.md describes it. */
export function dataOf({ isServed: _, channels, ...session }: LiveSession): Record<string, unknown> {
  const { open, asks } = recordedChannels(channels);
  return { ...session, clients: clientsOf(session), channels: [...open], asks: [...asks] };
}

/** How many clients show a session. On Wayland it is always one, whether a run serves the session or not. */
function clientsOf({ display, clients }: Pick<LiveSession, "display" | "clients">): number {
  return displays[display].windowsStay ? 1 : clients;
}

/** Lists the sessions of a container, without starting it, and those of its copies. */
async function listContainer(host: Host, word: string, options: EngineOptions): ReturnType<typeof listAllSessions> {
  await using container = await resolveContainer(host, { word, ...options });
  const status = await container.status();
  if (status !== "Running" && status !== "Stopped") throw unusableError(container, status);
  const own = status === "Running" ? await listSessions(container) : [];
  const instances = await listInstances(host, container.engine);
  const copies = instances.filter(({ config }) => config[copyOfKey] === container.name);
  const { sessions, unasked } = await listAllSessions(host, copies);
  return { sessions: [...own, ...sessions], unasked };
}
