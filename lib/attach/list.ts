/** `attach.ts --list`: lists the live sessions of a container and its copies, of those of a remote, or of all. */

import type { Host } from "../base/host.ts";
import { oneLine } from "../base/text.ts";
import { clockTime, localTime } from "../base/time.ts";
import { showTable } from "../cli/table.ts";
import { copyOfKey, listOfAll, unusableError } from "../container/managed.ts";
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
  const listed = sessions.map((live) => {
    const own = runs.filter(({ container, session }) => container === live.container && session === live.session);
    return { ...dataOf(live), until: Object.fromEntries(own.flatMap(({ until }) => Object.entries(until))) };
  });
  const rows = listed.map(({ container, session, app, pid, clients, since, until }) => {
    const ends = Object.entries(until).map(([channel, time]) => `${channel} ${clockTime(Date.parse(time))}`).join(", ");
    const { date, time } = localTime(Date.parse(since));
    return [container, session, oneLine(app), pid, clients, `${date} ${time}`, ends].map(String);
  });
  const hasEnds = rows.some((row) => row.at(-1) !== "");
  showTable(host.ui, hasEnds ? rows : rows.map((row) => row.slice(0, -1)), {
    heading: ["CONTAINER", "SESSION", "APP", "PID", "CLIENTS", "SINCE", ...hasEnds ? ["OPEN UNTIL"] : []],
    none: unasked.length === 0 ? "No session runs" : `Cannot tell whether a session runs in ${unasked.join(", ")}`,
    data: listed,
  });
  return 0;
}

/** A session as docs/reference.md describes it. */
export function dataOf(
  { isServed: _, channels, ...session }: LiveSession,
): Omit<LiveSession, "isServed" | "channels"> & { channels: string[]; asks: string[] } {
  const { open, asks } = recordedChannels(channels);
  // Windows that stay are shown, whether a run serves them or not.
  const clients = displays[session.display].windowsStay ? 1 : session.clients;
  return { ...session, clients, channels: [...open], asks: [...asks] };
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
