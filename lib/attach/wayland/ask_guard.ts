/** Sends the user's commands to the guard of a session on this host's Wayland desktop. */

import { delay } from "@std/async";
import { basename } from "@std/path";
import { UserError } from "../../base/errors.ts";
import type { Container } from "../../container/container.ts";
import type { ChannelName } from "../../channels/table.ts";
import type { CarryAnswer } from "../../guard/wayland/carrying.ts";
import type { GuardCommand } from "../../guard/wayland/process_interface.ts";
import { sessionScript } from "../session/protocol.ts";
import { guardsOf, sendTo } from "../session/runs.ts";

/**
 * Sends a request to the guard of a session, and returns its answer.
 *
 * @param options `signal`: gives up waiting; by default, the end of the run or a timeout does
 * @throws {UserError} when the session has no guard on this host, or the guard does not answer
 */
export async function askGuard(
  container: Container,
  { session, request, signal }: { session: string; request: GuardCommand; signal?: AbortSignal | undefined },
): Promise<CarryAnswer> {
  const { host, label } = container;
  const directory = (await guardsOf(container)).get(session);
  if (directory === undefined) {
    throw new UserError(`The windows of "${session}" of "${label}" are not on a desktop of yours on this host`, {
      hint: "Run it where they were opened",
    });
  }
  try {
    return await sendTo(directory, container, request, signal) as CarryAnswer;
  } catch (error) {
    if (!signal) host.signal.throwIfAborted();
    const still = "close" in request ? ": its clipboard may still be open" : "";
    throw new UserError(`The guard of "${session}" of "${label}" does not answer${still}`, {
      hint: "Close its windows, and start the app again",
      cause: error,
    });
  }
}

/**
 * Closes directions of a session's clipboard, and returns those that were open.
 *
 * @param options `channels`: other channels than the clipboard's are ignored
 * @throws as {@linkcode askGuard}
 */
export async function closeInGuard(
  container: Container,
  { session, channels, signal }: { session: string; channels: Iterable<ChannelName>; signal?: AbortSignal },
): Promise<ChannelName[]> {
  const all = new Set(channels);
  const close = (["in", "out"] as const).filter((direction) => all.has(`clipboard-${direction}`));
  if (close.length === 0) return [];
  const answer = await askGuard(container, { session, request: { close }, signal });
  const { closed } = answer as Extract<CarryAnswer, { closed: unknown }>;
  return closed.map((direction) => `clipboard-${direction}` as const);
}

/** How long the apps of stopped sessions may take to close their windows, in milliseconds. */
const closeMs = 3_000;

/**
 * Asks the apps of sessions on this host's Wayland desktop to close their windows, and waits until the sessions have
 * ended, but not for an app that asks the user something. Failures are ignored.
 */
export async function closeWindows(container: Container, sessions: readonly string[]): Promise<void> {
  const limit = AbortSignal.timeout(closeMs);
  const signal = AbortSignal.any([container.host.signal, limit]);
  const guards = await guardsOf(container);
  const asked = sessions.filter((session) => guards.has(session));
  if (asked.length === 0) return;
  const script = sessionScript("note_end", { sockets: (await container.reach()).sockets });
  await container.script({ script, parameters: asked, timeoutMs: closeMs }).catch(() => {});
  for (const session of asked) {
    await askGuard(container, { session, request: { closeWindows: true }, signal }).catch(() => {});
  }
  while (!signal.aborted && (await guardsOf(container)).keys().some((session) => asked.includes(session))) {
    await delay(20);
  }
}

/** How long a window may take to raise itself after the user has started an app again, in milliseconds. */
const activationMs = 10_000;

/** Tells the guard which app is started next in a session. Failures are ignored. */
export async function noteApp(
  container: Container,
  { session, app }: { session: string; app: readonly string[] },
): Promise<void> {
  const { host } = container;
  const text = host.env("XDG_ACTIVATION_TOKEN");
  const token = text ? { text, untilMs: Date.now() + activationMs } : undefined;
  const request = { started: { app: basename(app[0]!), token } };
  await host.look<unknown>(undefined, () => askGuard(container, { session, request })).catch(() => {});
}
