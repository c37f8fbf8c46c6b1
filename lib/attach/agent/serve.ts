/** Serves the requests of a session's agent, as far as their channels are open. */

import { delay } from "@std/async";
import type { Container } from "../../container/container.ts";
import { createConsent } from "../../guard/consent.ts";
import { rate } from "../../guard/rate.ts";
import type { ShowRequest } from "../../settings/request.ts";
import { type Agent, type AgentChannel, servedChannels, startAgent } from "./agent.ts";
import { askInDialog } from "./ask.ts";
import { desktopOf } from "./desktop.ts";
import { createDialogs, type DialogOptions, type Dialogs, givenTo } from "../../channels/dialogs/host.ts";
import { handOut } from "./drops.ts";
import { createMicrophone } from "../../channels/microphone/host.ts";
import type { AgentRequest, Lack } from "../../channels/requests.ts";
import { followColorScheme } from "../../channels/look/host.ts";
import { channelLine, recordChannels } from "../../settings/channels.ts";
import { noteChannels, noteMs } from "../session/live_sessions.ts";
import type { Permissions } from "../session/permissions.ts";
import { createTray } from "../../channels/tray/host.ts";

export interface PortalOptions
  extends
    Pick<ShowRequest, "asks" | "opening">,
    Omit<DialogOptions, "inside" | "consent" | "closing" | "signal" | "send"> {
  permissions: Permissions;
  /** The id of this run, when it starts the session. */
  run?: string | undefined;
  /**
   * The first pause before an agent that has ended is started again, in milliseconds; each is twice as long as the
   * last, up to a minute.
   */
  restartMs?: number;
}

/** The service for a session's apps. It ends with the scope of this value. */
export interface Portals extends AsyncDisposable {
  /**
   * Lends what is dropped on a window, or pasted, while `dialogs` is open, and takes what is dragged out while `files`
   * is; undefined where neither ever was open.
   */
  give: Dialogs["give"] | undefined;
  /** The channels that are served now: this desktop, the container or the session may lack what others need. */
  served(): AgentChannel[];
  /** What is called when this run serves the apps again that a later one has served meanwhile. */
  onAgain: () => Promise<void>;
}

/** For how long a yes is that is for an hour, in milliseconds. */
const hourMs = 3_600_000;

/** The rate of drags out of a window: each runs a program in the container. */
const handOutRate = { burst: 6, perSecond: 0.2 };

/** The longest pause before an agent that has ended is started again, in milliseconds. */
const maxRestartMs = 60_000;

/** Serves what the agent of a session asks for, until the end of this value's scope. */
export async function servePortals(container: Container, options: PortalOptions): Promise<Portals | undefined> {
  const { permissions, asks, opening, session, run } = options;
  const { restartMs = 5_000, now = () => performance.now() } = options;
  const { open } = permissions;
  const { host, label } = container;
  const channels = await servedChannels(host, open);
  if (channels.length === 0) return undefined;
  const over = new AbortController();
  const signal = AbortSignal.any([host.signal, over.signal]);
  let agent: Agent | undefined;
  /** A later run has taken the agent's place, and this one waits: any line sent to it would end it. */
  let isReplaced = false;
  const send: Agent["send"] = (message) => isReplaced ? undefined : agent?.send(message);
  const consent = createConsent({
    ask: (question, signal) => askInDialog(container, question, { signal, clock: now }),
    now,
    startHour: (channel, end) => permissions.allowFor([channel], { ms: hourMs, then: "asked for again", end }),
  });
  const desktop = desktopOf(container, { permissions, asks, opening, consent, signal, now });
  const microphone = createMicrophone(container, {
    consent: asks.has("microphone") ? consent : undefined,
    closing: permissions.closing("microphone"),
    now,
  });
  const closing = permissions.closing("dialogs");
  const inside = await container.boot();
  const dialogs = createDialogs(container, { ...options, inside, consent, closing, signal, send });
  closing.addEventListener("abort", dialogs.closeAll, { signal });
  const tray = createTray(container, {
    send: (message) => isReady && send(message),
    closing: permissions.closing("tray"),
    now,
  });
  const lends = (): boolean => open.has("dialogs") || open.has("printing");
  let scheme: string | undefined;
  let isReady = false;
  let wasReady = false;
  const tellScheme = (found = scheme): void => {
    scheme = found;
    // An agent that has not found its session yet would take any line for the end of this run.
    if (scheme !== undefined && isReady) send({ scheme });
  };
  const following = open.has("look") ? followColorScheme(host, tellScheme) : undefined;

  /** Handles a file. One that cannot be printed is saved where the user chooses. */
  const handOver = async (request: Extract<AgentRequest, { ask: "file" | "print" }>): Promise<void> => {
    const { ask, id, name } = request;
    const outcome = ask === "print" && !open.has("printing") ? "no printer" : await desktop.act(request);
    if (outcome === "no printer" && lends()) {
      dialogs.ask({ ask: "save", id, name, filters: [{ label: "PDF", patterns: ["*.pdf"] }] });
    } else send({ id, paths: [], printed: outcome === "done" });
  };

  const toldLacks = new Set<Lack>();
  const lost = new Set<AgentChannel>();
  const tellLack = async (what: Lack): Promise<void> => {
    const without: readonly AgentChannel[] = ["python3-gi", "no-agent", "same-version"].includes(what)
      ? channels
      : what === "no-microphone"
      ? ["microphone"]
      : ["dialogs", "printing"];
    const gone = channels.filter((channel) => without.includes(channel));
    if (toldLacks.has(what) || gone.length === 0) return;
    toldLacks.add(what);
    gone.forEach((channel) => lost.add(channel));
    const why = what === "same-version"
      ? `"${await session}" was started by another version of attach.ts`
      : what.startsWith("no-")
      ? `"${await session}" was started without`
      : `${what} is not installed in "${label}"`;
    host.ui.status(`The apps go without ${gone.join(", ")}: ${why}`);
  };

  const tellSession = async (line: (name: string) => string): Promise<void> => host.ui.status(line(await session));

  /** Records and shows the channels of this run again, in place of a later run's. */
  const tellAgain = async (): Promise<void> => {
    const channels = channelLine(open, asks.intersection(open));
    await tellSession((name) => `This run serves the apps of "${name}" again. ${channels}`);
    const cleaning = host.forCleanup(AbortSignal.timeout(noteMs));
    await noteChannels(container, { host: cleaning, session: await session, channels: recordChannels(open, asks) });
  };

  const onRequest = (request: AgentRequest): void => {
    switch (request.ask) {
      case "link":
      case "notify":
      case "withdraw":
        return void desktop.act(request);
      case "file":
      case "print":
        return void handOver(request);
      case "record":
        return open.has("microphone") ? microphone.listen(request.on ? agent?.sendSamples : undefined) : undefined;
      case "icon":
      case "pixels":
      case "no-icon":
        return open.has("tray") ? tray.take(request) : undefined;
      case "lacks":
        return void tellLack(request.what).catch(() => {});
      case "ready":
        isReady = wasReady = true;
        if (isReplaced) Promise.all([tellAgain(), portals.onAgain()]).catch(dialogs.tell);
        isReplaced = false;
        tellScheme();
        if (channels.includes("tray") && (tray.isOver || !open.has("tray"))) send({ tray: false });
        return void (lends() && dialogs.begin());
      case "gone":
        return dialogs.close(request.id);
      case "saved":
        return void dialogs.writeBack(request.path);
      default:
        if (open.has("dialogs")) dialogs.ask(request);
        // The app shows its own: the channel was open when it started.
        else if (channels.includes("dialogs")) send({ id: request.id, here: true });
    }
  };

  /** Starts the agent again when the connection to another machine breaks, and when a later run has ended. */
  const keepAgent = async (): Promise<void> => {
    for (let pauseMs = restartMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, maxRestartMs)) {
      wasReady = false;
      agent = await startAgent(container, { session, run, channels, waits: isReplaced, onRequest });
      if (signal.aborted) agent.end();
      const end = await agent.ended;
      if (wasReady) pauseMs = restartMs;
      isReady = false;
      microphone.listen(undefined);
      tray.clear();
      if (end === "useless") return;
      if (end === "replaced" && !isReplaced) {
        isReplaced = true;
        await tellSession((name) => `Another run serves the apps of "${name}" now`);
      }
      // Nobody waits for what is chosen in them any more.
      dialogs.closeAll();
      await delay(pauseMs, { signal }).catch(() => {});
    }
  };
  keepAgent().catch(dialogs.tell);
  const mayHandOut = rate(handOutRate, now);
  const takeOut = async (list: string): Promise<string> => {
    const why = !open.has("files")
      ? "files is closed"
      : lost.has("files")
      ? "its apps go without files"
      : mayHandOut()
      ? undefined
      : "those are too many at once. Drag them again later";
    if (why) host.ui.status(`Files dragged out of "${label}" stay there: ${why}`);
    else await handOut(container, { session: await session, list }).catch(dialogs.tell);
    return "";
  };
  const give: Dialogs["give"] = (list, how) => {
    if (how === "out") return takeOut(list);
    if (open.has("dialogs")) return dialogs.give(list, how);
    host.ui.status(`Files ${givenTo(label, how)} are not lent: dialogs is closed`);
    return Promise.resolve("");
  };
  const portals: Portals = {
    give: channels.includes("dialogs") || channels.includes("files") ? give : undefined,
    served: () => channels.filter((name) => open.has(name) && !lost.has(name) && !(name === "tray" && tray.isOver)),
    onAgain: () => Promise.resolve(),
    async [Symbol.asyncDispose]() {
      // No question outlives its session.
      over.abort();
      microphone[Symbol.dispose]();
      tray[Symbol.dispose]();
      following?.[Symbol.dispose]();
      agent?.end();
      await dialogs[Symbol.asyncDispose]();
      await desktop.settled();
    },
  };
  return portals;
}
