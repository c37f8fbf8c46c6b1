/** What the agent of a session serves, by the channels that are open. */

import type { Container } from "../../container/container.ts";
import { createMemory } from "../../guard/xpra/memory.ts";
import type { ShowRequest } from "../request.ts";
import { type AgentChannel } from "./agent.ts";
import { desktopOf } from "./desktop.ts";
import { type DialogOptions, serveDialogs } from "./dialogs.ts";
import { createMicrophone } from "./microphone.ts";

/**
 * Serves what the agent of a session asks for, until the end of this value's scope.
 *
 * @param options `channels`: those that the agent is to serve, as far as they are open
 */
export async function servePortals(
  container: Container,
  { open, asks, channels, ...options }:
    & Pick<DialogOptions, "session" | "makeLoans" | "runsOn">
    & Pick<ShowRequest, "open" | "asks">
    & { channels: readonly AgentChannel[] },
): Promise<AsyncDisposable | undefined> {
  const { host, label } = container;
  const served = channels.filter((channel) => open.has(channel));
  if (host.dryRun || served.length === 0) return undefined;
  const inside = await container.reach();
  const memory = createMemory();
  const microphone = createMicrophone(container, { consent: asks.has("microphone") ? memory.consent : undefined });
  const dialogs = serveDialogs(container, {
    ...options,
    channels: served,
    onDesktop: desktopOf(host, { container: label, open, asks, memory, signal: host.signal }),
    onRecord: (agent) => {
      if (served.includes("microphone")) microphone.listen(agent?.sendSamples);
    },
    inside,
  });
  return {
    async [Symbol.asyncDispose]() {
      microphone[Symbol.dispose]();
      await dialogs[Symbol.asyncDispose]();
    },
  };
}
