/** Relays packets between xpra's client and the session's socket, according to the judges. */

import { Refusal } from "../faults.ts";
import { judgeClientPacket } from "./client_packets.ts";
import { answerForClient } from "./clipboard.ts";
import { type PictureDecoder, startDecoder } from "./decoder.ts";
import { pixelsAt } from "./drawing.ts";
import { createFrameParser, type FrameLimits } from "./frames.ts";
import { type Delivery, passOn } from "./judge.ts";
import type { RunMemory } from "./memory.ts";
import { decodePacket, encodePacket, type Packet, type Sender } from "./packets.ts";
import { judgeServerPacket } from "./server_packets.ts";
import { closeStrays, closeTrays, createSession, type Session, type SessionOptions } from "./session.ts";
import { AllOutgoing, checkMs, type Outgoing } from "../outgoing.ts";
import { readChunks } from "../sockets.ts";

export interface RelayOptions extends Pick<SessionOptions, "container" | "open" | "remote" | "crossings"> {
  /** Shows the user one line: once for each type of packet that is dropped. */
  report(line: string): void;
  /** Called once, when the client has opened the file for pixels. Its hello passes when the promise resolves. */
  onClientHello?(): Promise<void>;
  /** Called once, when the server's hello passes: both ends have opened the file for pixels. */
  onServerHello?(): void;
}

const readBytes = 256 * 1024;
/** How many checks popups have to follow a window that has moved, or the user to come back, before they are closed. */
const maxStrayChecks = 2;

/** How long xpra's server may not read what waits for it, in milliseconds. Over a network, ssh gives up after 12 s. */
const stuckMs = { here: 10_000, remote: 20_000 } as const;

const limits: Readonly<Record<Sender, FrameLimits>> = {
  container: { mainBytes: 2 * 1024 * 1024, chunkBytes: 128 * 1024 * 1024 },
  client: { mainBytes: 4 * 1024 * 1024, chunkBytes: 128 * 1024 * 1024 },
};

interface Relay {
  options: RelayOptions;
  session: Session;
  decoder: PictureDecoder | undefined;
  connections: Readonly<Record<Sender, Deno.Conn>>;
  outgoing: AllOutgoing;
  to: Readonly<Record<Sender, Outgoing>>;
  /** For how many checks there may have been popups to close. */
  strayChecks: number;
}

/**
 * Relays until one end closes its connection.
 *
 * @throws {Violation} when an end breaks the protocol, or the container sends too much that is dropped
 */
export async function relayPackets(
  connections: Readonly<Record<Sender, Deno.Conn>>,
  { memory, ...options }: RelayOptions & { memory: RunMemory },
): Promise<void> {
  const { container, open, remote = false, crossings } = options;
  const uuid = crypto.randomUUID().replaceAll("-", "");
  const outgoing = new AllOutgoing(stuckMs[remote ? "remote" : "here"]);
  const relay: Relay = {
    options,
    session: createSession({
      container,
      open,
      remote,
      uuid,
      memory,
      crossings,
      now: () => performance.now(),
      isPaused: () => outgoing.isPaused(),
    }),
    decoder: remote ? startDecoder() : undefined,
    connections,
    outgoing,
    strayChecks: 0,
    to: { client: outgoing.to(connections.client, "host"), container: outgoing.to(connections.container, "container") },
  };
  const timer = setInterval(() => check(relay), checkMs);
  try {
    const { client, container } = relay.to;
    await Promise.race([pump(relay, "container"), pump(relay, "client"), client.failed, container.failed]);
  } finally {
    clearInterval(timer);
    relay.session.crossings.flush({ all: true });
    relay.decoder?.end();
  }
}

/**
 * Relays what one end sends, until it ends. The container's next bytes are read only when the client has read the last
 * ones, so that a slow client slows the container down. The client's bytes, which tell where the user is, are read
 * whether the container reads or not.
 */
async function pump(relay: Relay, sender: Sender): Promise<void> {
  const frames = createFrameParser(limits[sender]);
  for await (const chunk of readChunks(relay.connections[sender], readBytes)) {
    for (const raw of frames(chunk)) {
      const delivery = judge(relay, { sender, packet: decodePacket(raw) });
      deliver(relay, sender, delivery instanceof Promise ? await delivery : delivery);
    }
    if (sender === "container") await relay.to.client.write([]);
  }
  await relay.to[otherThan(sender)].write([]);
}

function otherThan(sender: Sender): Sender {
  return sender === "client" ? "container" : "client";
}

/** Carries out the verdict on a packet of `sender`. */
function deliver({ to }: Relay, sender: Sender, { pass = [], answer = [] }: Delivery): void {
  if (pass.length > 0) to[otherThan(sender)].post(pass.flatMap(encodePacket));
  if (answer.length > 0) to[sender].post(answer.flatMap(encodePacket));
}

/**
 * Judges a packet. The verdict comes later if a picture must be decoded, or if the client's hello must wait. A refused
 * packet is dropped and reported.
 */
function judge(relay: Relay, { sender, packet }: { sender: Sender; packet: Packet }): Delivery | Promise<Delivery> {
  const { session, options } = relay;
  const wasGreeted = session.greeted.has(sender);
  const refused = (error: unknown): Delivery => {
    if (!(error instanceof Refusal)) throw error;
    const line = session.drops(sender, { type: packet.type, reason: error.message });
    if (line !== undefined) options.report(line);
    return {};
  };
  try {
    const verdict = sender === "client" ? judgeClientPacket(packet, session) : judgeServerPacket(packet, session);
    const greets = session.greeted.has(sender) && !wasGreeted;
    if (greets && sender === "container") options.onServerHello?.();
    if (greets && sender === "client" && options.onClientHello) return options.onClientHello().then(() => verdict);
    return verdict.picture ? decodePicture(relay, verdict).catch(refused) : verdict;
  } catch (error) {
    return refused(error);
  }
}

async function decodePicture({ decoder }: Relay, { pass, picture }: Delivery): Promise<Delivery> {
  const [drawn] = pass!;
  return passOn(drawn!.type, drawn!.args.with(pixelsAt, await decoder!.decode(picture!)));
}

/**
 * Checks whether both ends read. Closes popups if one does not, those that a window or the user has left, and icons in
 * a closed tray. Answers apps that wait too long for the types of what is to be pasted.
 */
function check(relay: Relay): void {
  const { session, outgoing } = relay;
  session.crossings.flush();
  outgoing.check();
  relay.strayChecks = session.windows.mayHaveStrays() ? relay.strayChecks + 1 : 0;
  const areLeft = relay.strayChecks >= maxStrayChecks || outgoing.isPaused();
  deliver(relay, "client", { answer: [...areLeft ? closeStrays(session) : [], ...closeTrays(session)] });
  deliver(relay, "container", { answer: answerForClient(session) });
}
