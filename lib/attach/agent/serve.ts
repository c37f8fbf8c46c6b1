/** Serves the requests of a session's agent whose channels are open. */

import { delay } from "@std/async";
import { warnOnDesktop } from "../../base/desktop.ts";
import { all } from "../../base/promises.ts";
import { onceEach } from "../../base/ui.ts";
import { onHost } from "../../channels/destinations.ts";
import { messageOf } from "../../channels/file_dialogs.ts";
import { ioOf, type Line, type RunIo, type Served } from "../../channels/io.ts";
import { requestIn } from "../../channels/requests.ts";
import { type ChannelName, loadOpen, type OpenChannel, servedBy } from "../../channels/table.ts";
import type { Container } from "../../container/container.ts";
import { createConsent } from "../../guard/consent.ts";
import type { LendList } from "../../guard/wayland/dropped_files.ts";
import { channelLine, recordChannels } from "../../settings/channels.ts";
import type { ShowRequest } from "../../settings/request.ts";
import { noteChannels, noteMs } from "../session/live_sessions.ts";
import type { Permissions } from "../session/permissions.ts";
import { type Agent, startAgent } from "./agent.ts";
import { askInDialog } from "./ask.ts";
import { givesFiles } from "./drops.ts";
import { openArgv } from "./other_run.ts";

export interface PortalOptions extends Pick<ShowRequest, "asks" | "opening">, Pick<RunIo, "runsOn" | "lendingMs"> {
  permissions: Permissions;
  session: string;
  /** The id of this run, if it starts the session. */
  run?: string | undefined;
  now?: () => number;
  /**
   * The first pause before an agent that has ended is restarted, in milliseconds; it doubles each time, up to a minute.
   */
  restartMs?: number;
}

/** The service for a session's apps, until the end of this value's scope. */
export interface Portals extends AsyncDisposable {
  /** Lends dropped and pasted files, and takes files that are dragged out; undefined if neither channel was open. */
  give: LendList | undefined;
  /** The channels that are served now: desktop, container or session may lack what others need. */
  served(): ChannelName[];
  /** Called when this run serves the apps again after a later run has ended. */
  onAgain: () => Promise<void>;
}

/** One hour, in milliseconds. */
const hourMs = 3_600_000;

/** What the agent can lack: a package, or a part that its session was started without. */
const lacks = ["xdg-desktop-portal", "python3-gi", "no-portals", "no-part"] as const;

/** The longest pause before an agent that has ended is restarted, in milliseconds. */
const maxRestartMs = 60_000;

/** Serves a session's agent, until the end of this value's scope. */
export async function servePortals(container: Container, options: PortalOptions): Promise<Portals | undefined> {
  const { permissions, asks, session, run, restartMs = 5_000 } = options;
  const { open } = permissions;
  const { host } = container;
  const { channels } = await servedBy(host, open);
  if (channels.length === 0) return undefined;
  const names = channels.map(({ name }) => name);
  const over = new AbortController();
  const signal = AbortSignal.any([host.signal, over.signal]);
  let agent: Agent | undefined;
  /** A later run's agent has replaced this one, which waits. */
  let isReplaced = false;
  /** The agent is ready: before it has found its session, it takes any line for the end of this run. */
  let isReady = false;
  const io = runIo(container, options, { signal, agent: () => isReady ? agent : undefined });
  const served = await serveChannels(container, options, { channels, io });
  const { lost, tellLack } = createLacks(container, { session, names });

  /** Records and shows this run's channels again, in place of a later run's. */
  const tellAgain = async (): Promise<void> => {
    const line = channelLine(open, asks.intersection(open));
    host.ui.status(`This run serves the apps of "${session}" again. ${line}`);
    const cleaning = host.forCleanup(AbortSignal.timeout(noteMs));
    await noteChannels(container, { host: cleaning, session, channels: recordChannels(open, asks) });
  };

  const onLine = (line: Line): void => {
    if (line.ask === "lacks") return tellLack(line);
    isReady = true;
    if (line.ask !== "ready") {
      const request = requestIn(channels, line);
      return void (request && served.get(request.channel.name)?.take?.(request.ask));
    }
    if (isReplaced) all([tellAgain(), portals.onAgain()]).catch(io.tellError);
    isReplaced = false;
    served.values().forEach(({ ready }) => ready?.());
  };

  /** Restarts the agent when the connection to another machine breaks, and when a later run has ended. */
  const keepAgent = async (): Promise<void> => {
    for (let pauseMs = restartMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, maxRestartMs)) {
      agent = await startAgent(container, { session, run, channels, waits: isReplaced, onLine });
      if (signal.aborted) agent.end();
      const end = await agent.ended;
      if (isReady) pauseMs = restartMs;
      isReady = false;
      // Nobody waits for its requests any more.
      served.values().forEach(({ gone }) => gone?.());
      if (end === "useless") return;
      if (end === "replaced" && !isReplaced) {
        isReplaced = true;
        host.ui.status(`Another run serves the apps of "${session}" now`);
      }
      await delay(pauseMs, { signal }).catch(() => {});
    }
  };
  keepAgent().catch(io.tellError);
  const portals: Portals = {
    give: givesFiles(container, { io, open, served, lost }),
    served: () => names.filter((name) => open.has(name) && !lost.has(name) && !served.get(name)?.isOver?.()),
    onAgain: () => Promise.resolve(),
    async [Symbol.asyncDispose]() {
      // No question outlives its session.
      over.abort();
      agent?.end();
      // One that fails must not keep the others from ending.
      await all([...served.values()].map(async ({ end }) => await end?.()));
    },
  };
  return portals;
}

/** The interface that the channels of a run work with. `agent`: returns the agent that is ready now, if any. */
function runIo(
  container: Container,
  { permissions, session, runsOn, lendingMs, now = () => performance.now() }: PortalOptions,
  { signal, agent }: { signal: AbortSignal; agent(): Agent | undefined },
): RunIo {
  const { host, label } = container;
  const shared = new Map<unknown, unknown>();
  const showOnce = onceEach((message) => {
    if (!host.signal.aborted) warnOnDesktop(host, label, message);
  });
  const io: RunIo = {
    session,
    signal,
    runsOn,
    now,
    lendingMs,
    consent: createConsent({
      ask: (question, signal) => askInDialog(container, question, { signal, clock: now }),
      now,
      startHour: (channel, end) => permissions.allowFor([channel], { ms: hourMs, then: "asked for again", end }),
    }),
    send: (message) => agent()?.send(message),
    sendSamples: (samples) => agent()?.sendSamples(samples),
    tell: onceEach((why) => host.ui.warn(`A request from "${label}" failed: ${why}`)),
    tellError: (error) => showOnce(messageOf(error)),
    openArgv: (destination, address) => openArgv(container, destination, address),
    shared<T>(make: (container: Container, run: RunIo) => T): T {
      if (!shared.has(make)) shared.set(make, make(container, io));
      return shared.get(make) as T;
    },
  };
  return io;
}

/** Starts serving channels, including open ones without a part in the agent. */
async function serveChannels(
  container: Container,
  { permissions, asks, opening }: PortalOptions,
  { channels, io }: { channels: readonly OpenChannel[]; io: RunIo },
): Promise<Map<ChannelName, Served>> {
  const beside = (await loadOpen(permissions.open)).filter(({ agent }) => !agent);
  return new Map([...channels, ...beside].flatMap(({ name, serve }) => {
    const own = { destinations: [onHost], ...opening?.[name], closing: permissions.closing(name) };
    return serve ? [[name, serve(container, ioOf(io, { name, asks: asks.has(name), ...own }))]] : [];
  }));
}

/** Tells the user what the container lacks, and records which channels are lost by that. */
function createLacks(
  { host, label }: Container,
  { session, names }: { session: string; names: readonly ChannelName[] },
): { lost: ReadonlySet<ChannelName>; tellLack(line: Line): void } {
  const lost = new Set<ChannelName>();
  return {
    lost,
    tellLack(line) {
      const what = lacks.find((known) => known === line.what);
      const isMeant = (name: ChannelName): boolean => !Array.isArray(line.channels) || line.channels.includes(name);
      const gone = names.filter((name) => isMeant(name) && !lost.has(name));
      if (what === undefined || gone.length === 0) return;
      gone.forEach((name) => lost.add(name));
      const why = what.startsWith("no-")
        ? `"${session}" was started without ${gone.length === 1 ? "it" : "them"}`
        : `${what} is not installed in "${label}"`;
      host.ui.status(`Apps cannot use ${gone.join(", ")}: ${why}`);
    },
  };
}
