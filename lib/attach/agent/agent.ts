/** The agent of a session: a program in the container that asks in the names of its apps, over one SSH connection. */

import agentSource from "./agent.py" with { type: "text" };
import interfaceSource from "../../channels/interface.py" with { type: "text" };
import offerScript from "./offer_portals.sh" with { type: "text" };
import { withValues } from "../../base/shell_words.ts";
import type { Host } from "../../base/host.ts";
import type { Container } from "../../container/container.ts";
import { askableNames, type Channel } from "../../guard/channel.ts";
import { rate } from "../../guard/rate.ts";
import { exitStatus, sessionScript } from "../session/protocol.ts";
import { type AgentRequest, lineCutter, parseRequest } from "../../channels/requests.ts";
import { hasTray } from "../../channels/tray/host.ts";

/** The script that a session runs after serve_session.sh, before its bus starts. It carries the agent's program. */
export const offerPortals: string = withValues(offerScript, { agent: interfaceSource + agentSource });

/** The channels that an agent can serve: those that the user can be asked for, dialogs, and icons in the tray. */
export const agentChannels = ["dialogs", ...askableNames, "tray"] as const;

export type AgentChannel = typeof agentChannels[number];

/** The open ones of them that this host can serve: the tray only where the desktop has one. */
export async function servedChannels(host: Pick<Host, "run">, open: ReadonlySet<Channel>): Promise<AgentChannel[]> {
  const channels = agentChannels.filter((channel) => open.has(channel));
  return channels.includes("tray") && !await hasTray(host)
    ? channels.filter((channel) => channel !== "tray")
    : channels;
}

/** The rate at which lines are read: what comes faster waits in the container. */
const bearableLines = { burst: 100, perSecond: 20 };

/** How many lines may wait to be sent before samples are dropped: a third of a second of them. */
const maxWaitingLines = 20;

/** How many other lines may wait to be sent. Beyond that, no request is read until the agent has read some of them. */
const maxWaitingAnswers = 20;

/** How much the agent's connection may print to stderr before it is ended, in bytes. */
const maxErrorBytes = 64 * 2 ** 10;

export interface Agent {
  send(message: Readonly<Record<string, unknown>>): void;
  /** Sends it samples of the microphone, unless it is behind. */
  sendSamples(samples: Uint8Array): void;
  /**
   * Ends the connection; lines that still wait are not read. The agent goes on without the host until the session ends.
   */
  end(): void;
  /**
   * Why it has ended: it could serve nothing; the agent of a later run has taken its place; or something else, such as
   * the end of the session or of the connection.
   */
  ended: Promise<"useless" | "replaced" | "gone">;
}

/**
 * Starts the agent of a session. `onRequest` is called for each of its requests.
 *
 * @param options `run`: the id of this run, when it starts the session, whose name it may not know yet; `waits`: as long as
 * a later run serves the session
 */
export async function startAgent(
  container: Container,
  { session, run, channels, waits, onRequest }: {
    session: string | Promise<string>;
    run?: string | undefined;
    channels: readonly AgentChannel[];
    waits: boolean;
    onRequest: (request: AgentRequest) => void;
  },
): Promise<Agent> {
  const script = sessionScript("agent", {
    session: run === undefined ? await session : "",
    run: run ?? "",
    channels: channels.join(" "),
    waits: waits ? "yes" : "",
  });
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const writer = input.writable.getWriter();
  const cut = lineCutter();
  const isBearable = rate(bearableLines, () => performance.now());
  let hasEnded = false;
  let isUseless = false;
  let waitingAnswers = 0;
  const write = async (message: Parameters<Agent["send"]>[0]): Promise<void> =>
    await writer.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`)).catch(() => {});
  const running = container.host.start(await container.command(["/bin/sh", "-c", script]), {
    detached: true,
    stdin: { bytes: input.readable },
    maxOutputBytes: maxErrorBytes,
    output: {
      async bytes(piece) {
        for (const line of cut(piece)) {
          while (!hasEnded && (waitingAnswers > maxWaitingAnswers || !isBearable())) {
            await new Promise((resolve) => setTimeout(resolve, 200));
          }
          if (hasEnded) return;
          const request = parseRequest(line);
          if (request) onRequest(request);
          if (request?.ask !== "lacks" || request.what !== "same-version") continue;
          isUseless = true;
          end();
        }
      },
    },
  });
  const end = (): void => {
    hasEnded = true;
    writer.close().catch(() => {});
    running.kill("SIGTERM");
  };
  return {
    send(message) {
      waitingAnswers++;
      void write(message).then(() => waitingAnswers--);
    },
    sendSamples(samples) {
      if ((writer.desiredSize ?? 0) > -maxWaitingLines) void write({ samples: samples.toBase64() });
    },
    end,
    ended: running.ended.then(
      ({ code }) =>
        isUseless || code === exitStatus.useless ? "useless" : code === exitStatus.replaced ? "replaced" : "gone",
      () => "gone",
    ),
  };
}
