/**
 * The guard of a session on Wayland: waypipe's end in the container connects to a socket of the guard's, once for each
 * connection of an app to its compositor, and the guard to waypipe's client on this host.
 */

import { abortable } from "@std/async";
import { Violation } from "../faults.ts";
import { createWriter, type Writer } from "../writer.ts";
import { type Connection, createConnection } from "./connection.ts";
import type { Border } from "./border.ts";
import type { Compression, Filter } from "./frames.ts";
import { createWaylandSession, type OpenClipboard } from "./session.ts";
import { keptFrames, resumedFrames } from "./resuming.ts";
import { readToken, type Token, tokenBytes } from "./token.ts";

/** What a guard is for. */
export interface WaylandRelayOptions {
  /** What the container is called in titles. */
  container: string;
  /** The directions that are open. */
  clipboard: OpenClipboard;
  /** The border that the user wants; undefined: {@linkcode borderFor} its name. */
  border?: Border | undefined;
  /** How the container's end compresses. */
  compression: Compression;
  /** Where the container's end connects. */
  listener: Deno.UnixListener;
  /** Connects to waypipe's client. */
  connect(): Promise<Deno.UnixConn>;
  /** Tells the user something of the container's, in one line. */
  tell(line: string): void;
}

/** Connections at a time: each app has one, and few have two. */
const maxConnections = 64;
/** How long a connection may take for its first bytes, in milliseconds. */
const tokenMs = 5_000;
/** How much is read at once: up to the container, pictures; down to it, events. */
const bufferBytes = { fromContainer: 2 ** 17, fromHost: 2 ** 14 } as const;

/** How often it is looked whether the user has left, in milliseconds. */
const leaveCheckMs = 500;
/** How many times half a frame may keep popups open. */
const maxLater = 60;

/** How long a connection that has broken is waited for, in milliseconds. */
const patienceMs = 660_000;
/** How much a look counts while one is broken: half a frame keeps popups open no longer than that is waited for. */
const brokenShare = maxLater * leaveCheckMs / patienceMs;

/** A connection of an app, which can go on over another one of the container's. */
interface Line {
  /** The container goes on here. */
  resume(near: Deno.UnixConn): void;
}

/** Guards connections until the listener is closed. */
export async function relayConnections(
  { listener, connect, compression, ...options }: WaylandRelayOptions,
): Promise<void> {
  const session = createWaylandSession(options);
  const lines = new Map<string, Line>();
  let connections = 0;
  const leavers = new Set<() => void>();
  const timer = setInterval(() => leavers.forEach((leave) => leave()), leaveCheckMs);
  const serve = async (near: Deno.UnixConn): Promise<void> => {
    let token: Token;
    try {
      token = readToken(await tokenFrom(near), compression);
      if (token.isResumed) {
        const line = lines.get(token.key);
        if (!line) throw new Violation("it goes on with what has ended");
        return line.resume(near);
      }
    } catch (error) {
      near.close();
      throw error;
    }
    const connection = createConnection({ session, compression });
    using ends = new DisposableStack();
    ends.defer(connection.end);
    ends.adopt(near, closeConnection);
    const far = ends.adopt(await connect(), closeConnection);
    const up = createWriter(far);
    await up([token.passing]);
    const watch = (down: Writer, isThere = () => true): void => {
      let later = 0;
      const leave = (): void => {
        const closing = connection.leave();
        later = closing === "later" ? later + (isThere() ? 1 : brokenShare) : 0;
        if (later > maxLater) closeConnection(far);
        if (closing === undefined || closing === "later") return;
        for (const written of [up([closing.toHost]), down([closing.toContainer])]) written.catch(() => {});
      };
      leavers.add(leave);
      ends.defer(() => leavers.delete(leave));
    };
    if (!token.resumes) {
      const down = createWriter(near);
      watch(down);
      return await Promise.race([
        handOn(near, up, { filter: connection.fromContainer, bytes: bufferBytes.fromContainer }),
        handOn(far, down, { filter: connection.fromHost, bytes: bufferBytes.fromHost }),
      ]);
    }
    ends.defer(() => lines.delete(token.key));
    await carryOn({ near, far, up, connection, watch, register: (line) => lines.set(token.key, line) });
  };
  for await (const near of listener) {
    if (connections >= maxConnections) {
      session.tell(`An app is refused: there are ${maxConnections} connections`);
      near.close();
      continue;
    }
    connections++;
    serve(near).catch((error) => {
      if (error instanceof Violation) session.tell(`An app is cut off: ${error.message}`);
      else if (!isGone(error)) throw error;
    }).finally(() => connections--);
  }
  clearInterval(timer);
}

/** Hands on what comes between an app and the host, over one connection of the container's after the other. */
async function carryOn(
  { near, far, up: toHost, connection, watch, register }: {
    near: Deno.UnixConn;
    far: Deno.UnixConn;
    up: Writer;
    connection: Connection;
    watch(down: Writer, isThere: () => boolean): void;
    register(line: Line): void;
  },
): Promise<void> {
  const kept = keptFrames();
  const resumed = resumedFrames(kept.got);
  /** Where the container is read, and where it is written to: behind what is being written. */
  let current: Deno.UnixConn | undefined = near;
  let target = near;
  let writing = Promise.resolve();
  let next = Promise.withResolvers<void>();
  const over = new AbortController();
  const send = (pieces: () => readonly Uint8Array[]): Promise<void> =>
    writing = writing.then(async () => {
      for (const piece of pieces()) await writeAll(target, piece);
    }).catch((error) => {
      // What did not arrive is repeated over the next connection.
      if (!isGone(error)) throw error;
    });
  register({
    resume(other) {
      if (current) closeConnection(current);
      current = other;
      resumed.begin();
      send(() => {
        target = other;
        return kept.repeat();
      });
      next.resolve();
    },
  });
  const up = async (): Promise<void> => {
    const buffer = new Uint8Array(bufferBytes.fromContainer);
    for (;;) {
      const own: Deno.UnixConn | undefined = current;
      const count = await own?.read(buffer).catch(() => null) ?? null;
      if (own !== current) continue;
      if (count === null) {
        if (own) closeConnection(own);
        current = undefined;
        next = Promise.withResolvers();
        const patience = setTimeout(() => next.reject(new Deno.errors.UnexpectedEof()), patienceMs);
        await abortable(next.promise, over.signal).finally(() => clearTimeout(patience));
        continue;
      }
      for (const fresh of resumed.take(buffer.subarray(0, count))) {
        await toHost(connection.fromContainer(fresh));
      }
    }
  };
  const toContainer: Writer = (pieces) =>
    send(() => {
      for (const piece of pieces) kept.add(piece);
      return pieces;
    });
  watch(toContainer, () => current !== undefined);
  const down = async (): Promise<void> => {
    const buffer = new Uint8Array(bufferBytes.fromHost);
    for (;;) {
      const count = await far.read(buffer);
      if (count === null) return;
      await toContainer(connection.fromHost(buffer.subarray(0, count)));
    }
  };
  try {
    await Promise.race([up(), down()]);
  } finally {
    over.abort();
    if (current) closeConnection(current);
  }
}

/** Hands on what comes until one end is closed. */
async function handOn(
  from: Deno.UnixConn,
  to: Writer,
  { filter, bytes }: { filter: Filter; bytes: number },
): Promise<void> {
  const buffer = new Uint8Array(bytes);
  for (;;) {
    const count = await from.read(buffer);
    if (count === null) return;
    await to(filter(buffer.subarray(0, count)));
  }
}

function closeConnection(connection: Deno.UnixConn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}

async function tokenFrom(from: Deno.UnixConn): Promise<Uint8Array> {
  const token = new Uint8Array(tokenBytes);
  const timer = setTimeout(() => from.close(), tokenMs);
  try {
    for (let at = 0; at < token.length;) {
      const count = await from.read(token.subarray(at));
      if (count === null) throw new Deno.errors.UnexpectedEof();
      at += count;
    }
    return token;
  } finally {
    clearTimeout(timer);
  }
}

async function writeAll(to: Deno.UnixConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

/** Whether an error only says that an end is not there any more. */
function isGone(error: unknown): boolean {
  return [
    Deno.errors.BrokenPipe,
    Deno.errors.ConnectionReset,
    Deno.errors.ConnectionRefused,
    Deno.errors.NotFound,
    Deno.errors.UnexpectedEof,
    Deno.errors.BadResource,
    Deno.errors.Interrupted,
  ].some((gone) => error instanceof gone);
}
