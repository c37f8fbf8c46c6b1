/** The agent of a session: a program in the container that sends the requests of its apps, over one SSH connection. */

import interfacePy from "../../channels/interface.py" with { type: "text" };
import agentPy from "./agent.py" with { type: "text" };
import mainPy from "./main.py" with { type: "text" };
import offerScript from "./offer_portals.sh" with { type: "text" };
import settingsPy from "./settings.py" with { type: "text" };
import { parseTable } from "../../base/json_file.ts";
import type { Line, Values } from "../../channels/io.ts";
import type { OpenChannel } from "../../channels/table.ts";
import type { Container } from "../../container/container.ts";
import { rate } from "../../guard/rate.ts";
import { exitStatus, sessionScript } from "../session/protocol.ts";

/** The source of an agent that serves these channels. */
function sourceOf(channels: readonly OpenChannel[]): string {
  const parts = new Set(channels.flatMap(({ agent }) => agent?.parts ?? []));
  return [interfacePy, agentPy, settingsPy, ...parts, mainPy].join("\n");
}

/** The script that a session runs after serve_session.sh, before it starts its bus, and the script's values. */
export function offerPortals(channels: readonly OpenChannel[]): { script: string; values: Values } {
  const all = (key: "busNames" | "interfaces"): string =>
    [...new Set(channels.flatMap(({ agent }) => agent?.[key] ?? []))].join(" ");
  const values = {
    channels: channels.map(({ name }) => name).join(" "),
    agent: channels.length > 0 ? sourceOf(channels) : "",
    bus_names: all("busNames"),
    interfaces: `${all("interfaces")} Settings`,
  };
  return { script: offerScript, values };
}

/** The rate at which lines are read: further lines wait in the container. */
const bearableLines = { burst: 100, perSecond: 20 };

/** The longest line, in UTF-16 code units: the connection to an agent that sends a longer one is closed. */
export const maxLine = 16_384;

/** How many lines may wait to be sent before samples are dropped: a third of a second of samples. */
const maxWaitingLines = 20;

/** How many other lines may wait to be sent. Above that, no request is read until the agent has read some of them. */
const maxWaitingAnswers = 20;

export interface Agent {
  send(message: Readonly<Record<string, unknown>>): void;
  /** Sends samples of the microphone, unless the agent is behind. */
  sendSamples(samples: Uint8Array): void;
  /**
   * Closes the connection; lines that still wait are not read. The agent goes on without the host until the session
   * ends.
   */
  end(): void;
  /**
   * Why it ended: it could serve nothing ("useless"), the agent of a later run has replaced it, or anything else
   * ("gone"), such as the end of the session or of the connection.
   */
  ended: Promise<"useless" | "replaced" | "gone">;
}

/**
 * Starts the agent of a session. `onLine` is called for each of its lines.
 *
 * @param options `run`: the id of this run, if it starts the session; `waits`: start only when no later run serves the
 * session any more
 */
export async function startAgent(
  container: Container,
  { session, run, channels, waits, onLine }: {
    session: string;
    run?: string | undefined;
    channels: readonly OpenChannel[];
    waits: boolean;
    onLine: (line: Line) => void;
  },
): Promise<Agent> {
  const source = new TextEncoder().encode(sourceOf(channels));
  const script = sessionScript("agent", {
    session,
    run: run ?? "",
    channels: channels.map(({ name }) => name).join(" "),
    bytes: `${source.length}`,
    waits: waits ? "yes" : "",
  });
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const writer = input.writable.getWriter();
  const isBearable = rate(bearableLines, () => performance.now());
  let hasEnded = false;
  let waitingAnswers = 0;
  const write = async (message: Parameters<Agent["send"]>[0]): Promise<void> =>
    await writer.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`)).catch(() => {});
  const running = container.host.start(await container.command(["/bin/sh", "-c", script]), {
    detached: true,
    stdin: { bytes: input.readable },
    output: {
      async line(line) {
        if (line.length > maxLine) throw new RangeError("The line is too long");
        while (!hasEnded && (waitingAnswers > maxWaitingAnswers || !isBearable())) {
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
        if (!hasEnded) onLine(parseTable(line) ?? {});
      },
    },
  });
  void writer.write(source).catch(() => {});
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
      ({ code }) => code === exitStatus.useless ? "useless" : code === exitStatus.replaced ? "replaced" : "gone",
      () => "gone",
    ),
  };
}
