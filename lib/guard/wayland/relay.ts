/**
 * Relays the connections of a session on Wayland: for each connection of an app, waypipe in the container connects to
 * the guard's socket, and the guard connects to waypipe's client on this host.
 */

import { Violation } from "../faults.ts";
import { AllOutgoing, checkMs } from "../outgoing.ts";
import { rate } from "../rate.ts";
import { closeQuietly, isEndGone, readChunks } from "../sockets.ts";
import { createConnection } from "./connection.ts";
import type { Compression } from "./frames.ts";
import { createTurns } from "./turns.ts";
import { createWaylandSession, type WaylandSession, type WaylandSessionOptions } from "./session.ts";

export interface WaylandRelayOptions extends Omit<WaylandSessionOptions, "isPaused"> {
  compression: Compression;
  listener: Deno.UnixListener;
  connect(): Promise<Deno.UnixConn>;
  /** Called with the session before the first connection. */
  begin?(session: WaylandSession): void;
}

/** The most connections at a time: most apps have one, few have two. */
const maxConnections = 64;
/** How long a connection may take to send its first bytes, in milliseconds. */
const tokenMs = 5_000;
/** The sizes of the read buffers, in bytes: pictures come from the container, events from the host. */
const bufferBytes = { fromContainer: 2 ** 17, fromHost: 2 ** 14 } as const;

/**
 * How long an app may leave its events unread, in milliseconds: a busy app does not read, and would exit without its
 * connection and lose unsaved work.
 */
const stuckMs = 60_000;

/** How often the user is told that an app was disconnected. */
const cutOffRate = { perSecond: 0.1, burst: 5 };

/** For how many checks an unfinished frame may keep popups open: over a network, a picture takes a while. */
const maxLater: Readonly<Record<Compression, number>> = { none: 2, zstd: 60 };

/** Guards connections until the listener is closed. */
export async function relayConnections(
  { listener, connect, compression, begin, ...options }: WaylandRelayOptions,
): Promise<void> {
  const outgoing = new AllOutgoing(stuckMs);
  const session = createWaylandSession({ ...options, isPaused: () => outgoing.isPaused() });
  const inTurns = createTurns(session.now);
  const maySay = rate(cutOffRate, session.now);
  let connections = 0;
  const leavers = new Set<(options?: { isCheck: boolean }) => void>();
  let isWoken = false;
  session.wake = () => {
    // The container can cause a call for each of its messages.
    if (!isWoken) queueMicrotask(() => (isWoken = false, leavers.forEach((leave) => leave())));
    isWoken = true;
  };
  begin?.(session);
  const timer = setInterval(() => {
    outgoing.check();
    session.crossings.flush();
    leavers.forEach((leave) => leave({ isCheck: true }));
  }, checkMs);
  const serve = async (near: Deno.UnixConn): Promise<void> => {
    using ends = new DisposableStack();
    ends.adopt(near, closeQuietly);
    const token = readToken(await tokenFrom(near), compression);
    const connection = createConnection({ session, compression });
    ends.defer(connection.end);
    const client = ends.adopt(await connect(), closeQuietly);
    const toHost = ends.use(outgoing.to(client, "host"));
    const toContainer = ends.use(outgoing.to(near, "container"));
    await toHost.write([token]);
    const { promise: cut, reject } = Promise.withResolvers<never>();
    let later = 0;
    let isPassing = false;
    const leave = ({ isCheck } = { isCheck: false }): void => {
      const closing = connection.leave();
      if (closing === "later") {
        // Waiting for the host's end is not the container's fault.
        if (isCheck && !isPassing && ++later > maxLater[compression]) {
          reject(new Violation("it left a message unfinished, with popups open"));
        }
        return;
      }
      later = 0;
      if (!closing) return;
      toHost.post([closing.toHost]);
      toContainer.post([closing.toContainer]);
    };
    leavers.add(leave);
    ends.defer(() => leavers.delete(leave));
    const handOut = async (): Promise<void> => {
      for await (const chunk of readChunks(near, bufferBytes.fromContainer)) {
        const passing = await inTurns(connection.fromContainer(chunk), () => !leavers.has(leave));
        if (!passing) return;
        isPassing = true;
        await toHost.write(passing);
        isPassing = false;
        // Popups that must be closed may have waited for the rest of a frame.
        if (later > 0) leave();
      }
    };
    const handIn = async (): Promise<void> => {
      for await (const chunk of readChunks(client, bufferBytes.fromHost)) toContainer.post(connection.fromHost(chunk));
      // The compositor's last message says why it has closed the connection.
      await toContainer.write([]);
    };
    await Promise.race([handOut(), handIn(), toHost.failed, toContainer.failed, cut]);
  };
  for await (const near of listener) {
    if (connections >= maxConnections) {
      session.tell(`An app is refused: there are ${maxConnections} connections`);
      near.close();
      continue;
    }
    connections++;
    serve(near).catch((error) => {
      if (isEndGone(error)) return;
      if (!(error instanceof Violation)) throw error;
      const text = `An app is cut off: ${error.message}. Start it again; if that recurs, use --display x11`;
      if (maySay()) options.tell(text);
    }).finally(() => connections--);
  }
  clearInterval(timer);
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

/** The length of waypipe's connection header, in bytes: a word of flags that must match, and a random token. */
const tokenBytes = 16;

/** The flags, as `src/util.h` of waypipe 0.9.2 names them. */
const tokenFlags = {
  fixed: 1 << 7,
  unset: 1 << 31,
  noGraphicsCard: 1 << 2,
  noVideo: 1 << 11,
  compression: { none: 1 << 8, zstd: 3 << 8 },
  compressionMask: 7 << 8,
} as const;

/** Protocol version 16, in the upper half of the word: waypipe 0.9 to 0.11 support it. */
const tokenVersion = 1 << 16;

/**
 * Checks a connection header.
 *
 * @returns the header to pass instead: the same token, for the oldest version, without graphics card, video and
 * reconnection
 * @throws {Violation} when it is invalid, or the container's end uses another compression
 */
function readToken(token: Uint8Array, compression: Compression): Uint8Array {
  const header = new DataView(token.buffer, token.byteOffset).getUint32(0, true);
  const isFitting = (header & tokenFlags.fixed) !== 0 && (header & tokenFlags.unset) === 0 &&
    (header & tokenFlags.compressionMask) === tokenFlags.compression[compression];
  if (!isFitting) throw new Violation("it does not begin as waypipe does");
  const passing = token.slice();
  const { fixed, noGraphicsCard, noVideo } = tokenFlags;
  const own = tokenVersion | fixed | noGraphicsCard | noVideo | tokenFlags.compression[compression];
  new DataView(passing.buffer).setUint32(0, own, true);
  return passing;
}
