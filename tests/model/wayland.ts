/**
 * The model test of the guard on Wayland: hostile apps on one side of the guard's own relay, a compositor with a user on
 * the other, both in memory, in a time that is theirs. Random steps of both, byte by byte, with apps that do not read,
 * breaks in the middle of frames, and ends of connections; after each, what must always hold is checked: see
 * `promises.ts`.
 *
 *     deno run -A tests/model/wayland.ts [SECONDS [SEED]]    runs that long; the first seed
 *     deno run -A tests/model/wayland.ts replay SEED STEP…   repeats steps, as a failure names them
 */

import { concat } from "@std/bytes";
import { relayConnections } from "../../lib/guard/wayland/relay.ts";
import { type Chance, chanceFrom } from "../fuzz/random.ts";
import { border, word } from "../unit/wayland_samples.ts";
import { type App, type AppStep, appSteps, createApp, hostTypes, types } from "./app.ts";
import { type Client, type Compositor, createCompositor, lentList, type Monitor } from "./compositor.ts";
import { createPipe, type PipeEnd } from "./pipes.ts";
import { main, type Model, type World } from "./runs.ts";
import { settle, startTime } from "./time.ts";

/** What the user and the desktop do, and how often. */
const hostSteps = {
  focus: 6,
  blur: 3,
  key: 5,
  point: 4,
  press: 6,
  release: 4,
  touch: 5,
  hostCopies: 3,
  hostSelects: 3,
  hostDrags: 8,
  hostPastes: 1,
  configure: 3,
  desktopFrames: 2,
  monitor: 2,
  freed: 6,
  wait: 8,
} as const;
/** What happens to connections, and how often. */
const linkSteps = { pieces: 2, breakOff: 1, connect: 1, disconnect: 1, stall: 1, readOn: 2 } as const;

type StepName = AppStep | keyof typeof hostSteps | keyof typeof linkSteps;

/** For how long the guard forgives half a frame. */
const halfFrameMs = 2_500;
const maxApps = 3;
/** How much fits between the guard and an app that does not read, and in the other direction. */
const roomBytes = { toContainer: 2 ** 13, others: 2 ** 20 } as const;
/** The first bytes of a connection: waypipe's version, no compression, and a key. */
const token = new Uint8Array([...word(1 << 16 | 1 << 8 | 1 << 7), ...new Uint8Array(12)]);

/** A connection with both of its ends. */
interface Link {
  near: PipeEnd;
  /** The guard's end of the same. */
  guardNear: PipeEnd;
  far: PipeEnd;
  client: Client;
  app: App;
  isEnded: boolean;
  /** The app does not read. */
  isStalled: boolean;
  /** Since when what it does not read fills the way to it. */
  fullSince: number | undefined;
  /** What is written comes in pieces of up to so many bytes; 0: whole. */
  pieceBytes: number;
  /** The end of the next frames is kept back. */
  breaksOff: boolean;
  held: Uint8Array;
  /** Since when the guard has half of a frame. */
  halfSince: number | undefined;
  /** Writes to both ends, one after the other. */
  writing: Record<"near" | "far", Promise<void>>;
}

/** A session with its compositor. */
function createWorld(seed: number): World {
  const chance = chanceFrom(seed);
  const time = startTime();
  const { now } = time;
  const clipboard = { in: chance.happens(0.7), out: chance.happens(0.7) };
  const lends = seed % 2 === 0;
  const links: Link[] = [];
  const compositor: Compositor = createCompositor({
    now,
    monitors: Array.from({ length: 1 + chance.below(2) }, () => anyMonitor(chance)),
    drawsFrames: chance.happens(0.5),
    clipboard,
    border,
    lends,
    stuckMs: () => Math.max(0, ...links.map(({ fullSince }) => fullSince === undefined ? 0 : now() - fullSince)),
  });
  /** What was thrown where nobody waits for it. */
  let failure: unknown;
  const noteFailure = (error: unknown): void => void (failure ??= error);

  // The guard's own relay, with connections of the model's.
  const arriving: PipeEnd[] = [];
  let arrives = Promise.withResolvers<void>();
  let isClosed = false;
  let connecting: Link | undefined;
  async function* arrivals(): AsyncGenerator<PipeEnd> {
    while (!isClosed) {
      const next = arriving.shift();
      if (next) yield next;
      else await arrives.promise;
    }
  }
  const wake = (): void => {
    arrives.resolve();
    arrives = Promise.withResolvers();
  };
  relayConnections({
    container: "box",
    clipboard,
    border,
    compression: "none",
    listener: arrivals() as unknown as Deno.UnixListener,
    connect: () => {
      const [guardFar, far] = createPipe([roomBytes.others, Infinity]);
      connecting!.far = far;
      listen(connecting!, "far");
      return Promise.resolve(guardFar as unknown as Deno.UnixConn);
    },
    tell: () => {},
    lend: lends
      ? async (list, how) => {
        try {
          compositor.checkLent(list, how);
        } catch (error) {
          // The guard takes it for a run that could not lend.
          noteFailure(error);
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
        return lentList;
      }
      : undefined,
  }).catch(noteFailure);

  /** Reads one end of a connection until it is closed. */
  const listen = async (link: Link, end: "near" | "far"): Promise<void> => {
    const buffer = new Uint8Array(2 ** 16);
    let skipped = end === "far" ? token.length : 0;
    try {
      for (let count; (count = await link[end].read(buffer)) !== null;) {
        while (end === "near" && link.isStalled && !link.isEnded) await resumed.promise;
        const from = Math.min(skipped, count);
        skipped -= from;
        if (end === "near") link.app.hear(buffer.slice(from, count));
        else link.client.hear(buffer.slice(from, count));
        if (link.client.isEnded) break;
      }
    } catch (error) {
      noteFailure(error);
    }
    disconnect(link);
  };
  let resumed = Promise.withResolvers<void>();
  const resume = (): void => {
    resumed.resolve();
    resumed = Promise.withResolvers();
  };
  const disconnect = (link: Link): void => {
    if (link.isEnded) return;
    link.isEnded = true;
    links.splice(links.indexOf(link), 1);
    link.client.end();
    link.near.close();
    link.far?.close();
    resume();
  };
  const write = (link: Link, { end, bytes }: { end: "near" | "far"; bytes: Uint8Array }): void => {
    const all = bytes.slice();
    // Of a flood, each byte would take the model itself too long.
    const step = all.length < 1_000 && link.pieceBytes || all.length;
    link.writing[end] = link.writing[end].then(async () => {
      for (let at = 0; at < all.length && !link.isEnded;) {
        at += await link[end].write(all.subarray(at, at + Math.min(step, all.length - at))).catch(() => all.length);
      }
    });
  };
  const say = (link: Link, bytes: Uint8Array): void => {
    const all = link.held.length > 0 ? concat([link.held, bytes]) : bytes;
    const until = link.breaksOff ? all.length - Math.min(all.length, 4) : all.length;
    link.halfSince = link.breaksOff ? now() : undefined;
    link.breaksOff = false;
    link.held = all.slice(until);
    write(link, { end: "near", bytes: all.subarray(0, until) });
  };
  const connect = async (): Promise<void> => {
    if (links.length >= maxApps) return;
    const [near, guardNear] = createPipe([roomBytes.others, roomBytes.toContainer]);
    const link = {
      near,
      guardNear,
      isEnded: false,
      isStalled: false,
      pieceBytes: 0,
      breaksOff: false,
      held: new Uint8Array(),
      fullSince: undefined,
      halfSince: undefined,
      writing: { near: Promise.resolve(), far: Promise.resolve() },
    } as unknown as Link;
    link.client = compositor.connect((bytes) => write(link, { end: "far", bytes }));
    link.app = createApp({
      clipboard,
      say: (bytes) => say(link, bytes),
      isOfHost: (offer) => compositor.isOfHost(link.client, offer),
      lends,
      gets: (pipe, bytes) => compositor.checkRead(link.client, pipe, bytes),
    });
    links.push(link);
    connecting = link;
    arriving.push(guardNear);
    wake();
    listen(link, "near");
    write(link, { end: "near", bytes: token });
    await settle();
    link.app.begin();
    await settle();
    link.app.bind();
  };
  const noteStalls = (): void => {
    for (const link of links) {
      link.fullSince = link.isStalled && link.guardNear.isFull() ? link.fullSince ?? now() : undefined;
    }
  };
  const check = (): void => {
    if (failure) throw failure;
    noteStalls();
    compositor.check((client) =>
      links.some(({ client: own, halfSince }) =>
        own === client && halfSince !== undefined && now() - halfSince < halfFrameMs
      )
    );
  };

  const someSurface = (chance: Chance): Parameters<Compositor["focus"]>[0] => {
    const surfaces = [...compositor.clients].flatMap(({ windows }) => [...windows.values()])
      .filter(({ isMapped }) => isMapped).map(({ surface }) => surface);
    return surfaces.length === 0 ? undefined : chance.oneOf(surfaces);
  };
  const someTypes = (chance: Chance): string[] =>
    Array.from(
      { length: 1 + chance.below(3) },
      () => chance.oneOf(chance.happens(0.6) ? types.slice(0, 5) : [...types, ...hostTypes]),
    );
  const someData = (chance: Chance): string[] =>
    lends && chance.happens(0.5) ? ["text/uri-list", "text/plain", ...hostTypes] : someTypes(chance);
  const acts: Record<Exclude<StepName, AppStep>, (chance: Chance) => void | Promise<void>> = {
    focus: (chance) => compositor.focus(someSurface(chance)),
    blur: () => compositor.focus(undefined),
    key(chance) {
      compositor.key(true);
      if (chance.happens(0.8)) compositor.key(false);
    },
    point: (chance) => compositor.point(chance.happens(0.8) ? someSurface(chance) : undefined),
    press: () => compositor.button(true),
    release: () => compositor.button(false),
    touch: (chance) => compositor.touch(chance.oneOf(["down", "down", "up", "cancel"]), someSurface(chance)),
    hostCopies: (chance) => compositor.hostCopies("copied", someData(chance)),
    hostSelects: (chance) => compositor.hostCopies("selected", someTypes(chance)),
    hostDrags(chance) {
      const surface = someSurface(chance);
      compositor.hostDrags(chance.oneOf(["over", "over", "drop", "drop", "away"]), {
        ...surface && { surface },
        types: someData(chance),
      });
    },
    hostPastes: (chance) => compositor.hostPastes(chance.happens(0.5) ? "copied" : "selected"),
    configure(chance) {
      const windows = [...compositor.clients].flatMap((client) => [...client.windows.keys()].map((id) => [client, id]));
      if (windows.length === 0) return;
      const [client, id] = chance.oneOf(windows) as [Client, number];
      compositor.configure(client, id, [chance.below(2_000), chance.below(1_000)]);
    },
    desktopFrames(chance) {
      const mode = 1 + chance.below(2);
      for (const client of [...compositor.clients]) compositor.setFrames(client, mode);
    },
    monitor: (chance) => compositor.setMonitor(chance.below(compositor.monitors.length), anyMonitor(chance)),
    freed() {
      for (const client of [...compositor.clients]) compositor.tellFreed(client);
    },
    wait: (chance) => time.pass(chance.happens(0.7) ? chance.below(900) : 1_000 + chance.below(4_000), check),
    pieces(chance) {
      if (links.length > 0) chance.oneOf(links).pieceBytes = chance.oneOf([0, 1, 3, 50]);
    },
    breakOff(chance) {
      if (links.length > 0) chance.oneOf(links).breaksOff = true;
    },
    connect,
    disconnect(chance) {
      if (links.length > 0) disconnect(chance.oneOf(links));
    },
    stall(chance) {
      if (links.length === 0) return;
      const link = chance.oneOf(links);
      Object.assign(link, { isStalled: true, pieceBytes: 0 });
      link.app.flood();
    },
    readOn() {
      for (const link of links) Object.assign(link, { isStalled: false, fullSince: undefined });
      resume();
    },
  };
  return {
    happened: compositor.happened,
    async perform(name, seed) {
      const chance = chanceFrom(seed);
      await time.pass(chance.below(20), check);
      if (links.length === 0) await connect();
      if (name in appSteps) {
        const link = chance.oneOf(links);
        // In the middle of a frame: its head has passed.
        if (link && name === "fill") link.breaksOff = chance.happens(0.7);
        link?.app.act(name as AppStep, chance);
      } else await acts[name as keyof typeof acts](chance);
      await settle();
      check();
    },
    async end() {
      for (const link of [...links]) disconnect(link);
      isClosed = true;
      wake();
      await settle();
      time[Symbol.dispose]();
    },
  };
}

function anyMonitor(chance: Chance): Monitor {
  const [width, height] = chance.oneOf([[1_920, 1_080], [3_840, 2_160], [2_560, 1_440]] as const);
  return { width, height, scale: width > 2_000 ? 1 + chance.below(2) : 1, isTurned: chance.happens(0.3) };
}

/** The guard on Wayland. */
export const wayland: Model = {
  createWorld,
  steps: { ...appSteps, ...hostSteps, ...linkSteps },
  short: Object.keys(appSteps),
};

if (import.meta.main) await main(wayland, { file: "wayland.ts" });
