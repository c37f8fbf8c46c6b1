/** Relays packets between xpra's client and the session's socket, as the judges decide. */

import { Refusal } from "../faults.ts";
import type { Sender } from "../tally.ts";
import { judgeClientPacket } from "./client_packets.ts";
import { type PictureDecoder, startDecoder } from "./decoder.ts";
import { type CompressedDrawing, withPixels } from "./drawing.ts";
import { createFrameParser, type FrameLimits } from "./frames.ts";
import { type Delivery, passOn } from "./judge.ts";
import type { RunMemory } from "./memory.ts";
import { renamed } from "./names.ts";
import { decodePacket, encodePacket, type Packet } from "./packets.ts";
import { judgeServerPacket } from "./server_packets.ts";
import { closeStrays, createSession, type Session, type SessionOptions } from "./session.ts";
import { createWriter, readChunks, type Writer } from "../sockets.ts";

/** What a relay needs besides its connections. */
export interface RelayOptions extends Pick<SessionOptions, "container" | "open" | "remote"> {
  /** Shows the user one line: once for each type of packet that is dropped. */
  report(line: string): void;
  /** Called once, before the client's hello passes: the client has the file for pixels open then. */
  onClientHello?(): void;
  /** Called once, when the server's hello passes: both ends have the file for pixels open then. */
  onServerHello?(): void;
}

/** How many bytes are read at a time. */
const readBytes = 256 * 1024;
/**
 * How long popups may take to follow a window that has moved, or the user to come back, in milliseconds. Then they are
 * closed.
 */
const followMs = 1_000;

const limits: Readonly<Record<Sender, FrameLimits>> = {
  container: { mainBytes: 2 * 1024 * 1024, chunkBytes: 128 * 1024 * 1024 },
  client: { mainBytes: 4 * 1024 * 1024, chunkBytes: 128 * 1024 * 1024 },
};

/** What the functions below share. */
interface Relay {
  options: RelayOptions;
  memory: RunMemory;
  signal: AbortSignal;
  session: Session;
  decoder: PictureDecoder | undefined;
  connections: Readonly<Record<Sender, Deno.Conn>>;
  write: Readonly<Record<Sender, Writer>>;
  followTimer?: ReturnType<typeof setTimeout> | undefined;
}

/**
 * Relays until one end closes its connection. When `signal` aborts, nothing more is asked or sent; who aborts it closes the
 * connections.
 *
 * @throws {Violation} when an end breaks the protocol, or the container sends too much that is dropped
 */
export async function relayPackets(
  connections: Readonly<Record<Sender, Deno.Conn>>,
  { memory, signal, ...options }: RelayOptions & { memory: RunMemory; signal: AbortSignal },
): Promise<void> {
  const { container, open, remote = false } = options;
  const uuid = crypto.randomUUID().replaceAll("-", "");
  const relay: Relay = {
    options,
    memory,
    signal,
    session: createSession({
      ...{ container, open, remote, uuid },
      rates: memory.rates,
      now: () => performance.now(),
    }),
    decoder: remote ? startDecoder() : undefined,
    connections,
    write: { client: createWriter(connections.client), container: createWriter(connections.container) },
  };
  try {
    await Promise.race([pump(relay, "container"), pump(relay, "client")]);
  } finally {
    clearTimeout(relay.followTimer);
    relay.decoder?.end();
  }
}

/**
 * Relays what one end sends, until it ends. The next bytes are read when the last ones are written: a slow reader slows
 * the writer down, and nothing piles up here.
 */
async function pump(relay: Relay, sender: Sender): Promise<void> {
  const frames = createFrameParser(limits[sender]);
  for await (const chunk of readChunks(relay.connections[sender], readBytes)) {
    const outbox = createOutbox(relay);
    for (const raw of frames.push(chunk)) {
      const delivery = judge(relay, { sender, packet: decodePacket(raw) });
      // What came before a picture does not wait for it.
      if (delivery instanceof Promise) await outbox.flush();
      outbox.put(sender, delivery instanceof Promise ? await delivery : delivery);
    }
    await outbox.flush();
  }
}

/** Collects what is sent because of packets. */
function createOutbox({ session, write }: Relay) {
  const parts: Record<Sender, Uint8Array[]> = { client: [], container: [] };
  const encode = (end: Sender, packets: readonly Packet[] = []): void => {
    for (const packet of packets) {
      parts[end].push(...encodePacket(session.takesNewNames[end] ? renamed(packet) : packet));
    }
  };
  return {
    /** Carries out what has become of a packet of `sender`; what is sent waits for the next flush. */
    put(sender: Sender, { pass, answer }: Delivery): void {
      encode(sender === "client" ? "container" : "client", pass);
      encode(sender, answer);
    },
    async flush(): Promise<void> {
      for (const end of ["client", "container"] as const) {
        if (parts[end].length > 0) await write[end](parts[end].splice(0));
      }
    },
  };
}

/** Decides what becomes of a packet: now, or when its picture is decoded. */
function judge(
  relay: Relay,
  { sender, packet }: { sender: Sender; packet: Packet },
): Delivery | Promise<Delivery> {
  const { session, options } = relay;
  const wasGreeted = session.greeted[sender];
  try {
    const verdict = sender === "client" ? judgeClientPacket(packet, session) : judgeServerPacket(packet, session);
    if (session.greeted[sender] && !wasGreeted) options[sender === "client" ? "onClientHello" : "onServerHello"]?.();
    if (sender === "client") closeStraysLater(relay);
    if ("drawing" in verdict) return decodePicture(relay, verdict.drawing);
    return verdict;
  } catch (error) {
    return refuse(relay, { sender, type: packet.type, error });
  }
}

/** Drops a packet that must not pass, and goes on. Throws any error but a refusal. */
function refuse(
  { memory, options }: Relay,
  { sender, type, error }: { sender: Sender; type: string; error: unknown },
): Delivery {
  if (!(error instanceof Refusal)) throw error;
  const line = memory.drops.add(sender, { type, reason: error.message });
  if (line !== undefined) options.report(line);
  return {};
}

async function decodePicture(relay: Relay, drawing: CompressedDrawing): Promise<Delivery> {
  const { type } = drawing;
  try {
    return passOn(type, withPixels(drawing, await relay.decoder!.decode(drawing.picture)));
  } catch (error) {
    return refuse(relay, { sender: "container", type, error });
  }
}

/** Closes, a moment later, the popups that have not followed their window or the user. */
function closeStraysLater(relay: Relay): void {
  if (!relay.session.windows.mayHaveStrays()) return;
  relay.followTimer ??= setTimeout(() => {
    relay.followTimer = undefined;
    if (relay.signal.aborted) return;
    const outbox = createOutbox(relay);
    outbox.put("container", { pass: closeStrays(relay.session) });
    // An end that has gone ends the relay anyway.
    outbox.flush().catch(() => {});
    closeStraysLater(relay);
  }, followMs);
}
