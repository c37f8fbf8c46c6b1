/**
 * The guard stands between xpra's client on the host and the session's socket, which belongs to a container that may be
 * hostile. It parses the packets of both ends, and passes on only what is on an allowlist, encoded anew: xpra's
 * decoders read nothing but the output of the guard's own encoder.
 */

import { abortable } from "@std/async";
import { shortLine } from "../../base/text.ts";
import { closeQuietly } from "../sockets.ts";
import { createMemory, type RunMemory } from "./memory.ts";
import { type RelayOptions, relayPackets } from "./relay.ts";

export interface GuardOptions extends RelayOptions {
  /** The path of the socket for the client, in a directory that nobody but the user can reach. It must not exist. */
  listen: string;
  /**
   * Resolves to the path of the session's socket, once it exists; the container must not be able to change any part of
   * the path. If this rejects, the client's connection is closed.
   */
  connect: Promise<string>;
  /** The memory of the run's earlier guards. Default: this is the first guard. */
  memory?: RunMemory;
}

/** A running guard. It ends with the scope of this value. */
export interface Guard extends AsyncDisposable {
  /** Why it has ended, in one line; undefined when an end has simply closed its connection. Never rejects. */
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

/** Closes a resource when `signal` aborts, at once if it already has. */
function closeAtEnd<T extends { close(): void }>(resource: T, signal: AbortSignal): T {
  const close = (): void => closeQuietly(resource);
  if (signal.aborted) close();
  signal.addEventListener("abort", close, { once: true });
  return resource;
}

/** Why a session has failed; undefined when an end has simply closed its connection. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe) return undefined;
  return error instanceof Error ? shortLine(error.message, 200) : "The connection is lost";
}
