/** What the agent of a session serves, by the channels that are open. */

import type { Container } from "../../container/container.ts";
import { createConsent } from "../../guard/consent.ts";
import type { ShowRequest } from "../request.ts";
import { type Agent, agentChannels } from "./agent.ts";
import { followColorScheme } from "./color_scheme.ts";
import { desktopOf } from "./desktop.ts";
import { type DialogOptions, serveDialogs } from "./dialogs.ts";
import { createMicrophone } from "./microphone.ts";

/** Serves what the agent of a session asks for, until the end of this value's scope. */
export async function servePortals(
  container: Container,
  { open, asks, ...options }:
    & Pick<DialogOptions, "session" | "run" | "makeLoans" | "runsOn">
    & Pick<ShowRequest, "open" | "asks">,
): Promise<AsyncDisposable | undefined> {
  const { host } = container;
  const channels = agentChannels.filter((channel) => open.has(channel));
  if (host.dryRun || channels.length === 0) return undefined;
  const inside = await container.reach();
  const over = new AbortController();
  const consent = createConsent(() => performance.now());
  const microphone = createMicrophone(container, { consent: asks.has("microphone") ? consent : undefined });
  let agent: Agent | undefined;
  let scheme: string | undefined;
  const tell = (): void => {
    if (scheme !== undefined) agent?.send({ scheme });
  };
  const look = open.has("look")
    ? followColorScheme(host, (found) => {
      scheme = found;
      tell();
    })
    : undefined;
  const dialogs = serveDialogs(container, {
    ...options,
    channels,
    onDesktop: desktopOf(container, { open, asks, consent, signal: AbortSignal.any([host.signal, over.signal]) }),
    onRecord: (agent) => {
      if (channels.includes("microphone")) microphone.listen(agent?.sendSamples);
    },
    onReady: (ready) => {
      agent = ready;
      tell();
    },
    inside,
  });
  return {
    async [Symbol.asyncDispose]() {
      // No question outlives its session.
      over.abort();
      microphone[Symbol.dispose]();
      look?.[Symbol.dispose]();
      await dialogs[Symbol.asyncDispose]();
    },
  };
}
