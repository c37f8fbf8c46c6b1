/**
 * The model test of the guard on X: a hostile xpra server on one side of the guard's own relay, xpra's client with a user
 * on the other, both in memory, in a time that is theirs. See `wayland.ts`.
 *
 *     deno run -A tests/model/xpra.ts [SECONDS [SEED]]    runs that long; the first seed
 *     deno run -A tests/model/xpra.ts replay SEED STEP…   repeats steps, as a failure names them
 */

import { concat } from "@std/bytes";
import type { ChannelName } from "../../lib/channels/table.ts";
import { Violation } from "../../lib/guard/faults.ts";
import { createFrameParser } from "../../lib/guard/xpra/frames.ts";
import { createMemory } from "../../lib/guard/xpra/memory.ts";
import { decodePacket, encodePacket, type Packet } from "../../lib/guard/xpra/packets.ts";
import { relayPackets } from "../../lib/guard/xpra/relay.ts";
import type { Dict, Value } from "../../lib/guard/xpra/rencode.ts";
import { type Chance, chanceFrom } from "../fuzz/random.ts";
import { description, dict, fromServer, secret, serverHello } from "../fuzz/samples.ts";
import { createPipe, type PipeEnd } from "./pipes.ts";
import { keep } from "./promises.ts";
import { main, type Model, type World } from "./runs.ts";
import { settle, startTime } from "./time.ts";
import { createXpraClient, elsewhereCode, type Place, selectionSecret } from "./xpra_client.ts";

/** What the container sends, and how often. */
const serverSteps = {
  window: 6,
  popup: 10,
  moves: 5,
  describes: 4,
  fullscreen: 3,
  raise: 3,
  drag: 3,
  copies: 6,
  reads: 8,
  hands: 2,
  closes: 3,
  sample: 4,
  pings: 1,
} as const;
/** What the user and the desktop do, and how often. */
const hostSteps = {
  focus: 7,
  blur: 3,
  key: 6,
  press: 4,
  release: 4,
  userMoves: 2,
  hides: 1,
  hostCopies: 3,
  hostPastes: 3,
  ping: 1,
  wait: 9,
} as const;
/** What happens to the connection, and how often. */
const linkSteps = { pieces: 2, stall: 1, readOn: 2, disconnect: 1 } as const;

type StepName = keyof typeof serverSteps | keyof typeof hostSteps | keyof typeof linkSteps;

const kinds = ["UTF8_STRING", "text/plain", "image/png", "TARGETS", "text/uri-list", "x-special/gnome-copied-files"];
const limits = { mainBytes: 2 ** 24, chunkBytes: 2 ** 27 };
/** How much fits between the guard and a server that does not read, and in the other direction. */
const roomBytes = { toServer: 2 ** 13, others: 2 ** 22 } as const;

/** One connection of the client, through the guard, to the server. */
interface Run {
  server: PipeEnd;
  client: PipeEnd;
  /** The guard's ends. */
  near: PipeEnd;
  far: PipeEnd;
  isEnded: boolean;
  writing: Record<"server" | "client", Promise<void>>;
}

function createWorld(seed: number): World {
  const chance = chanceFrom(seed);
  const time = startTime();
  const open = new Set<ChannelName>(
    (["clipboard-in", "clipboard-out"] as const).filter(() => chance.happens(0.7)),
  );
  const memory = createMemory();
  let failure: unknown;
  let run: Run | undefined;
  let isStalled = false;
  let fullSince: number | undefined;
  let pieceBytes = 0;
  let resumed = Promise.withResolvers<void>();
  let lastWindow = 0;
  /** The user and the display stay when a connection ends. */
  const client = createXpraClient({
    now: time.now,
    open,
    say: (packet) => run && write(run, { end: "client", packets: [packet] }),
    stuckMs: () => fullSince === undefined ? 0 : time.now() - fullSince,
  });

  const write = (on: Run, { end, packets }: { end: "server" | "client"; packets: readonly Packet[] }): void => {
    const all = concat(packets.flatMap(encodePacket));
    const step = all.length < 1_000 && pieceBytes || all.length;
    on.writing[end] = on.writing[end].then(async () => {
      for (let at = 0; at < all.length && !on.isEnded;) {
        at += await on[end].write(all.subarray(at, at + Math.min(step, all.length - at))).catch(() => all.length);
      }
    });
  };
  const listen = async (on: Run, end: "server" | "client"): Promise<void> => {
    const frames = createFrameParser(limits);
    const buffer = new Uint8Array(2 ** 16);
    try {
      for (let count; (count = await on[end].read(buffer)) !== null;) {
        while (end === "server" && isStalled && !on.isEnded) await resumed.promise;
        for (const raw of frames(buffer.slice(0, count))) {
          const packet = decodePacket(raw);
          if (end === "client") client.hear(packet);
          else serverHears(packet);
        }
      }
    } catch (error) {
      failure ??= error;
    }
    disconnect(on);
  };
  const serverHears = ({ type, args }: Packet): void => {
    const text = JSON.stringify(
      args,
      (_, value) =>
        value instanceof Map
          ? [...value]
          : value instanceof Uint8Array
          ? new TextDecoder().decode(value)
          : typeof value === "bigint"
          ? `${value}`
          : value,
    );
    keep("monitors", !text.includes(secret), `${type} says who the user is`);
    keep("paste", !text.includes(selectionSecret) || open.has("clipboard-in"), "the channel is closed");
    if (type === "key-action") keep("keys", !args.includes(elsewhereCode), "a key for another program");
  };
  const disconnect = (on: Run): void => {
    if (on.isEnded) return;
    on.isEnded = true;
    for (const end of [on.server, on.client, on.near, on.far]) end.close();
    if (run === on) run = undefined;
    isStalled = false;
    wake();
  };
  const wake = (): void => {
    resumed.resolve();
    resumed = Promise.withResolvers();
  };
  const connect = async (): Promise<Run> => {
    const [server, far] = createPipe([roomBytes.others, roomBytes.toServer]);
    const [own, near] = createPipe([roomBytes.others, roomBytes.others]);
    const on: Run = {
      server,
      far,
      client: own,
      near,
      isEnded: false,
      writing: { server: Promise.resolve(), client: Promise.resolve() },
    };
    run = on;
    fullSince = undefined;
    for (const window of client.windows.keys()) client.hear({ type: "lost-window", args: [window] });
    const connections = { container: far, client: near } as unknown as Parameters<typeof relayPackets>[0];
    relayPackets(connections, { container: "box", open, report: () => {}, memory }).catch((error) => {
      const isGone = error instanceof Deno.errors.BrokenPipe;
      if (!(error instanceof Violation) && !isGone) failure ??= error;
    }).finally(() => disconnect(on));
    listen(on, "server");
    listen(on, "client");
    client.begin();
    await settle();
    write(on, { end: "server", packets: [serverHello] });
    await settle();
    return on;
  };
  const say = (...packets: readonly Packet[]): void => {
    if (run) write(run, { end: "server", packets });
  };
  const packet = (type: string, ...args: Value[]): Packet => ({ type, args });
  const somewhere = (chance: Chance): Place => {
    const length = (): number =>
      chance.happens(0.7) ? 20 + chance.below(400) : chance.oneOf([1, 900, 1_200, 1_920, 4_000]);
    const near = chance.happens(0.6) ? [...client.windows.values()].at(-1) : undefined;
    const at = (from: number): number =>
      chance.happens(0.9) ? from + chance.below(300) - 50 : chance.below(4_000) - 1_000;
    return { x: at(near?.x ?? 300), y: at(near?.y ?? 300), width: length(), height: length() };
  };
  const anyDescription = (chance: Chance): Dict => {
    if (chance.happens(0.3)) return description;
    const title = chance.oneOf(["", "bank", "[host] mail", "\u202ebox", "a".repeat(900)]);
    return dict({ title, "fullscreen": chance.happens(0.2), "class-instance": ["firefox", "Firefox"] });
  };
  const someWindow = (chance: Chance): number =>
    client.windows.size > 0 && chance.happens(0.95) ? chance.oneOf([...client.windows.keys()]) : 1 + chance.below(9);
  const framed = (chance: Chance): number | undefined => {
    const list = [...client.windows].filter(([, { isPopup }]) => !isPopup).map(([window]) => window);
    return list.length > 0 ? chance.oneOf(list) : undefined;
  };
  const some = (chance: Chance): string[] => Array.from({ length: 1 + chance.below(3) }, () => chance.oneOf(kinds));
  const opens = (type: string) => (chance: Chance): void => {
    const { x, y, width, height } = somewhere(chance);
    say(packet(type, ++lastWindow, x, y, width, height, anyDescription(chance), new Map()));
  };

  const acts: Record<StepName, (chance: Chance) => void | Promise<void>> = {
    window: opens("new-window"),
    popup: opens("new-override-redirect"),
    moves(chance) {
      const { x, y, width, height } = somewhere(chance);
      const type = chance.oneOf(["window-move-resize", "configure-override-redirect"]);
      if (chance.happens(0.2)) say(packet("window-resized", someWindow(chance), width, height));
      else say(packet(type, someWindow(chance), x, y, width, height));
    },
    describes: (chance) => say(packet("window-metadata", someWindow(chance), anyDescription(chance))),
    fullscreen: (chance) => say(packet("window-metadata", someWindow(chance), dict({ fullscreen: true }))),
    raise(chance) {
      if (chance.happens(0.5)) say(packet("raise-window", someWindow(chance)));
      else say(packet("restack-window", someWindow(chance), chance.below(3), 0));
    },
    drag: (chance) => say(packet("initiate-moveresize", someWindow(chance), 10, 10, chance.below(12), 1, 1)),
    copies(chance) {
      const of = chance.oneOf(["CLIPBOARD", "PRIMARY", "SECONDARY"]);
      say(packet("clipboard-token", of, some(chance), "", "", 8, "", new Uint8Array(), true, false, true));
    },
    reads: (chance) =>
      say(packet("clipboard-request", chance.below(99), chance.oneOf(["CLIPBOARD", "PRIMARY"]), chance.oneOf(kinds))),
    hands: (chance) =>
      say(packet("clipboard-contents", chance.below(9), "CLIPBOARD", "UTF8_STRING", 8, "bytes", new Uint8Array(9), 0)),
    closes: (chance) => say(packet("lost-window", someWindow(chance))),
    sample: (chance) => say(chance.oneOf(fromServer.filter(({ type }) => type !== "disconnect"))),
    pings: () => say(...Array.from({ length: 400 }, (_, index) => packet("ping", 1_000 + index))),

    focus(chance) {
      const window = framed(chance);
      if (window !== undefined) client.focus(window);
    },
    blur: () => client.focus(0),
    key(chance) {
      client.key(true);
      if (chance.happens(0.8)) client.key(false);
    },
    press(chance) {
      if (client.windows.size > 0) client.button(chance.oneOf([...client.windows.keys()]), true);
    },
    release(chance) {
      if (client.windows.size > 0) client.button(chance.oneOf([...client.windows.keys()]), false);
    },
    userMoves(chance) {
      const window = framed(chance);
      if (window !== undefined) client.move(window, { ...somewhere(chance), width: 300, height: 200 });
    },
    hides(chance) {
      const window = framed(chance);
      if (window !== undefined) client.hide(window);
    },
    hostCopies: (chance) => client.hostCopies(chance.oneOf(["CLIPBOARD", "PRIMARY"]), some(chance)),
    hostPastes: (chance) => client.hostPastes(chance.oneOf(["CLIPBOARD", "PRIMARY"]), chance.oneOf(kinds)),
    ping: client.ping,
    wait: (chance) => time.pass(chance.happens(0.7) ? chance.below(900) : 1_000 + chance.below(4_000), check),

    pieces: (chance) => void (pieceBytes = chance.oneOf([0, 1, 3, 50])),
    stall() {
      isStalled = true;
      pieceBytes = 0;
      say(...Array.from({ length: 500 }, (_, index) => packet("ping", 1_000 + index)));
    },
    readOn() {
      isStalled = false;
      fullSince = undefined;
      wake();
    },
    disconnect() {
      if (run) disconnect(run);
    },
  };
  const check = (): void => {
    if (failure) throw failure;
    fullSince = isStalled && run?.far.isFull() ? fullSince ?? time.now() : undefined;
    client.check();
  };
  return {
    happened: client.happened,
    async perform(name, seed) {
      const chance = chanceFrom(seed);
      await time.pass(chance.below(20), check);
      if (!run) await connect();
      await acts[name as StepName](chance);
      await settle();
      check();
    },
    async end() {
      if (run) disconnect(run);
      await settle();
      time[Symbol.dispose]();
    },
  };
}

/** The guard on X. */
export const xpra: Model = {
  createWorld,
  steps: { ...serverSteps, ...hostSteps, ...linkSteps },
  short: Object.keys(serverSteps).filter((name) => name !== "pings"),
};

if (import.meta.main) await main(xpra, { file: "xpra.ts" });
