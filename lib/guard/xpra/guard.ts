/**
 * The guard stands between xpra's client on the host and the session's socket, which belongs to a container that may be
 * hostile. It takes apart the packets of both ends, passes on only what is on a list, and encodes that anew: xpra's
 * decoders only ever read what our own encoder has written.
 */

import type { AskableChannel, Channel } from "../channel.ts";
import { judgeClientPacket } from "./client_packets.ts";
import type { Answer, Question } from "../consent.ts";
import { startDecoder } from "./decoder.ts";
import { withPixels } from "./drawing.ts";
import { Refusal } from "../faults.ts";
import { type FrameLimits, frameParser } from "./frames.ts";
import { type RunMemory, runMemory } from "./memory.ts";
import { renamed } from "./names.ts";
import { decodePacket, encodePacket, type Packet } from "./packets.ts";
import { judgeServerPacket } from "./server_packets.ts";
import { shortLine } from "../../base/text.ts";
import { closings, type DesktopRequest, sessionState, type Verdict } from "./state.ts";
import type { Sender } from "../tally.ts";

/** What a guard needs. */
export interface GuardOptions {
  /** Where the client is to connect: a path in a directory that nobody but the user can reach. It must not exist. */
  listen: string;
  /**
   * The path of the session's socket, once there is one; nothing on the way to it may be the container's to change. If
   * this rejects, the client's connection is closed.
   */
  connect: Promise<string>;
  /** The container's name, for titles. */
  container: string;
  /** The channels that are open, and go through xpra. */
  open: ReadonlySet<Channel>;
  /** The open channels each use of which needs the user's consent. Default: none. */
  asks?: ReadonlySet<AskableChannel>;
  /** Asks for that, until `signal` aborts: the session is over then. Default: the answer is no. */
  ask?(question: Question, signal: AbortSignal): Promise<Answer>;
  /** What the run's guards before this one have learned. Default: there was none. */
  memory?: RunMemory;
  /**
   * The container is on another machine: its pictures come compressed, and are decoded here. Default: it is on this
   * one.
   */
  elsewhere?: boolean;
  /** Tells the user something, in one line: once for each type of packet that is dropped. */
  report(line: string): void;
  /** Called once, before the client's hello passes: the client has the file for pixels open then. */
  onClientHello?(): void;
  /** Called once, when the server's hello passes: both ends have the file for pixels open then. */
  onServerHello?(): void;
  /** Called for what the app asks of the host's desktop. */
  onRequest?(request: DesktopRequest): void;
}

/** How a guard's session has ended. */
export interface GuardEnd {
  /** What ended it, when it was not one of the ends: told in one line. */
  reason?: string;
  /** How many packets were dropped, by who sent them and their type: `container pointer-grab`. */
  dropped: ReadonlyMap<string, number>;
}

/** A guard that runs. */
export interface Guard extends AsyncDisposable {
  /** How it has ended. Never rejects. */
  ended: Promise<GuardEnd>;
  /** Ends it, and waits until it has. */
  end(): Promise<void>;
}

/** Bytes that are read at a time. */
const readBytes = 256 * 1024;
/** Parts up to this size are written together. */
const joinBytes = 64 * 1024;
/**
 * How long popups may take to follow a window that has moved, or the user to come back, in milliseconds. Then they are
 * closed.
 */
const followMs = 1_000;

const fromContainer: FrameLimits = { mainBytes: 2 * 1024 * 1024, chunkBytes: 128 * 1024 * 1024 };
const fromClient: FrameLimits = { mainBytes: 4 * 1024 * 1024, chunkBytes: 128 * 1024 * 1024 };

/**
 * Starts a guard. One client can connect; then the socket is removed.
 *
 * @throws {Deno.errors.AddrInUse} when there is something at `listen`
 */
export function startGuard(options: GuardOptions): Guard {
  const { listen, connect, container, open, asks = new Set(), elsewhere = false, report, onRequest } = options;
  const { consent, rates, drops } = options.memory ?? runMemory();
  const listener = Deno.listen({ transport: "unix", path: listen });
  // Awaited only once a client has connected: until then, a rejection would count as unhandled.
  connect.catch(() => {});
  const now = (): number => performance.now();
  const session = sessionState({ container, open, asks, now, uuid: randomId(), elsewhere, rates });
  const decoder = elsewhere ? startDecoder() : undefined;
  const over = new AbortController();
  const connections: Deno.Conn[] = [];
  let isOver = false;
  let following: ReturnType<typeof setTimeout> | undefined;
  const stopped = Promise.withResolvers<void>();
  /** Of what follows an answer, which the relay does not wait for. */
  const failed = Promise.withResolvers<never>();
  const close = (connection: { close(): void }): void => {
    try {
      connection.close();
    } catch {
      // It is closed already.
    }
  };
  const stop = (): void => {
    isOver = true;
    clearTimeout(following);
    over.abort();
    close(listener);
    connections.forEach(close);
    decoder?.end();
    stopped.resolve();
  };
  const keep = (connection: Deno.Conn): Deno.Conn => {
    if (isOver) close(connection);
    connections.push(connection);
    return connection;
  };

  const relay = async (): Promise<void> => {
    const client = keep(await listener.accept());
    close(listener);
    const server = keep(await Deno.connect({ transport: "unix", path: await connect }));
    const toClient = writer(client);
    const toServer = writer(server);
    const put = (outbox: Outbox, end: keyof Outbox, packets: readonly Packet[]): void => {
      const isRenamed = session.takesNewNames[end];
      for (const packet of packets) outbox[end].push(...encodePacket(isRenamed ? renamed(packet) : packet));
    };
    const fromServer = ({ pass, also = [], answer, toClient: more = [], request }: Verdict, outbox: Outbox): void => {
      if (request) onRequest?.(request);
      put(outbox, "client", [...(pass ? [pass] : []), ...also, ...more]);
      put(outbox, "server", answer ? [answer] : []);
    };
    /** Does what the user has agreed to, or what follows when they have not. The packets behind it have not waited. */
    const sendLater = async (verdict: Verdict): Promise<void> => {
      if (isOver) return;
      const outbox: Outbox = { client: [], server: [] };
      fromServer(verdict, outbox);
      // An end that has gone ends the relay anyway.
      await Promise.all([toClient(outbox.client), toServer(outbox.server)]).catch(() => {});
    };
    const closeStraysLater = (): void => {
      following ??= setTimeout(() => {
        following = undefined;
        sendLater({ toClient: closings(session) });
        if (session.windows.hasStraysSoon()) closeStraysLater();
      }, followMs);
    };
    await Promise.race([
      pump(server, {
        limits: fromContainer,
        judge(packet) {
          const wasKnown = session.serverIsKnown;
          const verdict = byConsent(packet, judge(packet, "container"), sendLater);
          if (session.serverIsKnown && !wasKnown) options.onServerHello?.();
          return verdict;
        },
        decode,
        send: fromServer,
        toClient,
        toServer,
      }),
      pump(client, {
        limits: fromClient,
        judge(packet) {
          const wasKnown = session.clientIsKnown;
          const verdict = judge(packet, "client");
          if (session.clientIsKnown && !wasKnown) options.onClientHello?.();
          return verdict;
        },
        send: ({ pass, answer, toClient: more = [], leaves }, outbox) => {
          if (leaves) closeStraysLater();
          put(outbox, "server", pass ? [pass] : []);
          put(outbox, "client", [...(answer ? [answer] : []), ...more]);
        },
        toClient,
        toServer,
      }),
    ]);
  };
  /** Drops a packet that must not pass, and goes on. */
  const refused = (error: unknown, sender: Sender, type: string): Verdict => {
    if (!(error instanceof Refusal)) throw error;
    drop(sender, type, error.message);
    return {};
  };
  const drop = (sender: Sender, type: string, reason: string): void => {
    const line = drops.add(sender, type, reason);
    if (line !== undefined) report(line);
  };
  const judge = (packet: Packet, sender: Sender): Verdict => {
    try {
      return sender === "container" ? judgeServerPacket(packet, session) : judgeClientPacket(packet, session);
    } catch (error) {
      return refused(error, sender, packet.type);
    }
  };

  /** Decodes the compressed picture of a packet that is to pass. */
  const decode = async (drawing: NonNullable<Verdict["drawing"]>): Promise<Verdict> => {
    try {
      const pixels = await decoder!.decode(drawing.picture!);
      return { pass: { type: drawing.type, args: withPixels(drawing, pixels) } };
    } catch (error) {
      return refused(error, "container", drawing.type);
    }
  };

  /** A session that is over asks nothing more, although its questions may still wait for others'. */
  const ask = (question: Question): Promise<Answer> =>
    (isOver ? undefined : options.ask?.(question, over.signal)) ?? Promise.resolve("no");
  /** Asks the user for what a verdict needs. Without an answer yet, nothing happens, and `later` gets what follows. */
  const byConsent = (packet: Packet, verdict: Verdict, later: (verdict: Verdict) => Promise<void>): Verdict => {
    const { question, refused } = verdict;
    if (refused !== undefined) drop("container", packet.type, refused);
    if (!question) return verdict;
    const follow = (agreed: boolean): Verdict => agreed ? question.granted() : question.denied;
    try {
      const agreed = consent.request(question, ask);
      if (typeof agreed === "boolean") return follow(agreed);
      agreed.then((agreed) => later(follow(agreed))).catch(failed.reject);
      return {};
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      drop("container", packet.type, error.message);
      return question.denied;
    }
  };

  // A session that never starts leaves the relay waiting for ever.
  const ended = Promise.race([relay(), stopped.promise, failed.promise]).then(
    () => undefined,
    (error: unknown) => isOver ? undefined : reasonOf(error),
  )
    .then((reason): GuardEnd => {
      stop();
      return { ...(reason === undefined ? {} : { reason }), dropped: drops.counts };
    });
  const end = async (): Promise<void> => {
    stop();
    await ended;
  };
  return { ended, end, [Symbol.asyncDispose]: end };
}

function randomId(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

/** Why the relay failed; undefined when one of the ends has just closed its connection. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe) return undefined;
  return error instanceof Error ? shortLine(error.message, 200) : "The connection is lost";
}

type Writer = (parts: Uint8Array[]) => Promise<void>;

/** Makes a writer. Calls from both directions are written one after the other, in their order. */
function writer(connection: Deno.Conn): Writer {
  let last = Promise.resolve();
  return (parts) => last = last.then(() => writeParts(connection, parts));
}

async function writeParts(connection: Deno.Conn, parts: readonly Uint8Array[]): Promise<void> {
  for (const part of joined(parts)) {
    for (let at = 0; at < part.length;) at += await connection.write(part.subarray(at));
  }
}

/**
 * Small parts become one, so that they take one system call; large ones stay as they are, so that they are not copied.
 */
function* joined(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let small: Uint8Array[] = [];
  const take = function* (): Generator<Uint8Array> {
    if (small.length === 1) yield small[0]!;
    if (small.length > 1) {
      const all = new Uint8Array(small.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const part of small) {
        all.set(part, at);
        at += part.length;
      }
      yield all;
    }
    small = [];
  };
  for (const part of parts) {
    if (part.length <= joinBytes) {
      small.push(part);
      continue;
    }
    yield* take();
    yield part;
  }
  yield* take();
}

interface Outbox {
  client: Uint8Array[];
  server: Uint8Array[];
}

/**
 * Relays what one end sends, until it ends. The next bytes are read when the last ones are written: a slow reader slows
 * the writer down, and nothing piles up here.
 */
async function pump(
  from: Deno.Conn,
  { limits, judge, decode, send, toClient, toServer }: {
    limits: FrameLimits;
    judge: (packet: Packet) => Verdict;
    decode?: (drawing: NonNullable<Verdict["drawing"]>) => Promise<Verdict>;
    send: (verdict: Verdict, outbox: Outbox) => void;
    toClient: Writer;
    toServer: Writer;
  },
): Promise<void> {
  const frames = frameParser(limits);
  const buffer = new Uint8Array(readBytes);
  for (;;) {
    const count = await from.read(buffer);
    if (count === null) return;
    const outbox: Outbox = { client: [], server: [] };
    const flush = async (): Promise<void> => {
      const { client, server } = outbox;
      [outbox.client, outbox.server] = [[], []];
      if (client.length > 0) await toClient(client);
      if (server.length > 0) await toServer(server);
    };
    for (const raw of frames.push(buffer.subarray(0, count))) {
      const verdict = judge(decodePacket(raw));
      const { drawing } = verdict;
      // What came before a picture does not wait for it.
      if (drawing) await flush();
      send(drawing ? await decode!(drawing) : verdict, outbox);
    }
    await flush();
  }
}
