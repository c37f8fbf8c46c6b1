/** Links and notifications of a session without xpra: by its agent, under the same rules as by xpra. */

import type { Host } from "../../base/host.ts";
import type { AskableChannel, Channel } from "../../guard/channel.ts";
import type { Question } from "../../guard/consent.ts";
import { Refusal } from "../../guard/faults.ts";
import type { RunMemory } from "../../guard/xpra/memory.ts";
import { link, notification } from "../../guard/xpra/transfers.ts";
import { askInDialog } from "../ask.ts";
import { askDesktop } from "../ask_desktop.ts";
import type { AgentRequest } from "./requests.ts";

/** What an app asks of the desktop. */
export type DesktopLine = Extract<AgentRequest, { ask: "link" | "notify" }>;

/**
 * What answers them for a run: what is no address of the web, or comes too often, is dropped, and each reason is told once.
 *
 * @param options `asks`: the channels for each use of which the user is asked
 */
export function desktopOf(
  host: Host,
  { container, open, asks, memory: { consent, rates }, signal }: {
    container: string;
    open: ReadonlySet<Channel>;
    asks: ReadonlySet<AskableChannel>;
    memory: RunMemory;
    signal: AbortSignal;
  },
): (line: DesktopLine) => Promise<void> {
  const told = new Set<string>();
  const ask = (question: Question) => askInDialog(host, question, { container, signal });
  return async (line) => {
    try {
      const { request, question } = line.ask === "link"
        ? link([line.url])
        : notification(container, ["", 0, "", 0, "", line.summary, line.body, -1]);
      if (!open.has(question.channel)) throw new Refusal(`the channel ${question.channel} is closed`);
      if (!rates[request.kind]()) throw new Refusal("it asks too often");
      if (asks.has(question.channel) && !await consent.request(question, ask)) return;
      if (!signal.aborted) askDesktop(host, request);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (told.has(error.message)) return;
      told.add(error.message);
      host.ui.warn(`What an app of "${container}" asked for was not done: ${error.message}`);
    }
  };
}
