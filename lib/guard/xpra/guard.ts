/**
 * The guard stands between xpra's client on the host and the session's socket, which belongs to a container that may be
 * hostile. It takes apart the packets of both ends, passes on only what is on a list, and encodes that itself: xpra's
 * decoders only ever read what our own encoder has written.
 */

import { abortable } from "@std/async";
import { shortLine } from "../../base/text.ts";
import { closeQuietly } from "../sockets.ts";
import { createMemory, type RunMemory } from "./memory.ts";
import { type RelayOptions, relayPackets } from "./relay.ts";

export interface GuardOptions extends RelayOptions {
  /** Where the client is to connect: a path in a directory that nobody but the user can reach. It must not exist. */
  listen: string;
  /**
   * The path of the session's socket, once there is one; nothing on the way to it may be the container's to change. If
   * this rejects, the client's connection is closed.
   */
  connect: Promise<string>;
  /** What the run's guards before this one have learned. Default: this is the first. */
  memory?: RunMemory;
}

/** A guard that was started. It is ended with the scope of this value. */
export interface Guard extends AsyncDisposable {
  /** Why it has ended, in one line; undefined when one of the ends has just closed its connection. Never rejects. */
  ended: Promise<string | undefined>;
}

/**
 * Starts a guard. One client can connect; then the socket is removed.
 *
 * @throws {Deno.errors.AddrInUse} when there is something at `listen`
 */
export function startGuard({ listen, connect, memory = createMemory(), ...options }: GuardOptions): Guard {
  const over = new AbortController();
  const { signal } = over;
  const listener = closeAtEnd(Deno.listen({ transport: "unix", path: listen }), signal);
  // Awaited only once a client has connected: until then, a rejection would count as unhandled.
  connect.catch(() => {});
  const serve = async (): Promise<void> => {
    const client = closeAtEnd(await listener.accept(), signal);
    listener.close();
    const container = closeAtEnd(await Deno.connect({ transport: "unix", path: await connect }), signal);
    await relayPackets({ client, container }, { ...options, memory });
  };
  // A session that never starts leaves this waiting for ever.
  const ended = abortable(serve(), signal)
    .then(() => undefined, (error: unknown) => signal.aborted ? undefined : reasonOf(error))
    .finally(() => over.abort());
  return {
    ended,
    async [Symbol.asyncDispose]() {
      over.abort();
      await ended;
    },
  };
}

/** Closes a resource when `signal` aborts, or at once if it has. */
function closeAtEnd<T extends { close(): void }>(resource: T, signal: AbortSignal): T {
  const close = (): void => closeQuietly(resource);
  if (signal.aborted) close();
  signal.addEventListener("abort", close, { once: true });
  return resource;
}

/** Why a session failed; undefined when one of the ends has just closed its connection. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe) return undefined;
  return error instanceof Error ? shortLine(error.message, 200) : "The connection is lost";
}
