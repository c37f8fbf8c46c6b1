/**
 * The model test of the guard on Wayland: hostile apps on one side of the guard's own code, a compositor with a user on
 * the other, both in memory, in a time that is theirs. Random steps of both, byte by byte, with breaks in the middle of
 * frames and ends of connections; after each, what must always hold is checked: see `promises.ts`.
 *
 *     deno run -A tests/model/wayland.ts [SECONDS [SEED]]    runs that long; the first seed
 *     deno run -A tests/model/wayland.ts replay SEED STEP…   repeats steps, as a failure names them
 */

import { concat } from "@std/bytes";
import { type Connection, createConnection } from "../../lib/guard/wayland/connection.ts";
import { Violation } from "../../lib/guard/faults.ts";
import { createWaylandSession, type WaylandSession } from "../../lib/guard/wayland/session.ts";
import { type Chance, chanceFrom } from "../fuzz/random.ts";
import { border } from "../unit/wayland_samples.ts";
import { type App, type AppStep, appSteps, createApp, types } from "./app.ts";
import { type Client, type Compositor, createCompositor, type Happening, type Monitor } from "./compositor.ts";
import { Broken, keep } from "./promises.ts";
import { threadMs } from "./clock.ts";

/** What the user and the desktop do, and how often. */
const hostSteps = {
  focus: 6,
  blur: 3,
  key: 5,
  point: 4,
  press: 4,
  release: 4,
  touch: 2,
  hostCopies: 3,
  hostSelects: 3,
  hostDrags: 5,
  hostPastes: 1,
  configure: 3,
  desktopFrames: 2,
  monitor: 2,
  freed: 6,
  wait: 8,
} as const;
/** What happens to connections, and how often. */
const linkSteps = { pieces: 2, breakOff: 1, connect: 1, disconnect: 1 } as const;

type StepName = AppStep | keyof typeof hostSteps | keyof typeof linkSteps;
const allSteps = { ...appSteps, ...hostSteps, ...linkSteps };
const weighted = Object.entries(allSteps).flatMap(([name, weight]) =>
  new Array<StepName>(weight).fill(name as StepName)
);

/** One step: what happens, and the seed of all that is chance in it, as `popup:4711`. */
export type Step = `${StepName}:${number}`;

/** How often it is looked whether the user has left, and how often half a frame is forgiven, as in the relay. */
const leaveCheckMs = 500;
const maxLater = 60;
const maxApps = 3;
/** Steps of one run. */
const perRun = 150;

/** A connection with both of its ends. */
interface Link {
  guard: Connection;
  client: Client;
  app: App;
  isEnded: boolean;
  /** How many looks have met the middle of a frame. */
  later: number;
  /** What comes from the container comes in pieces of up to so many bytes; 0: whole. */
  pieceBytes: number;
  /** The end of the last frame is kept back. */
  breaksOff: boolean;
  held: Uint8Array;
}

/** A session with its compositor, and what has happened there. */
interface World {
  perform(step: Step): void;
  end(): void;
  happened: ReadonlyMap<Happening, number>;
}

function createWorld(seed: number): World {
  const chance = chanceFrom(seed);
  let now = 10_000;
  const clipboard = { in: chance.happens(0.7), out: chance.happens(0.7) };
  const session: WaylandSession = createWaylandSession({
    container: "box",
    clipboard,
    border,
    tell: () => {},
    now: () => now,
  });
  const compositor: Compositor = createCompositor({
    now: () => now,
    monitors: Array.from({ length: 1 + chance.below(2) }, () => anyMonitor(chance)),
    drawsFrames: chance.happens(0.5),
    clipboard,
    border,
  });
  const links: Link[] = [];

  /** Does what the relay does with a Violation: the connection ends. */
  const guarded = (link: Link, action: () => void): void => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      disconnect(link);
    }
  };
  const disconnect = (link: Link): void => {
    if (link.isEnded) return;
    link.isEnded = true;
    link.guard.end();
    link.client.end();
    links.splice(links.indexOf(link), 1);
  };
  const pass = (link: Link, bytes: Uint8Array): void => {
    if (link.isEnded || bytes.length === 0) return;
    const passing = timed(() => link.guard.fromContainer(bytes));
    hear(link, concat(passing));
  };
  const hear = (link: Link, bytes: Uint8Array): void => {
    link.client.hear(bytes);
    if (link.client.isEnded) disconnect(link);
  };
  const say = (link: Link, bytes: Uint8Array): void => {
    const all = link.held.length > 0 ? concat([link.held, bytes]) : bytes;
    const until = link.breaksOff ? all.length - Math.min(all.length, 4) : all.length;
    link.breaksOff = false;
    link.held = all.slice(until);
    const step = link.pieceBytes || all.length;
    for (let at = 0; at < until; at += step) pass(link, all.slice(at, Math.min(until, at + step)));
  };
  const connect = (): void => {
    if (links.length >= maxApps) return;
    const link = { isEnded: false, later: 0, pieceBytes: 0, breaksOff: false, held: new Uint8Array() } as Link;
    link.guard = createConnection({ session, compression: "none" });
    link.client = compositor.connect((bytes) => {
      const step = link.pieceBytes || bytes.length;
      for (let at = 0; at < bytes.length && !link.isEnded; at += step) {
        guarded(link, () => {
          link.app.hear(concat(timed(() => link.guard.fromHost(bytes.slice(at, at + step)))));
        });
      }
    });
    link.app = createApp({
      clipboard,
      say: (bytes) => say(link, bytes),
      isOfHost: (offer) => compositor.isOfHost(link.client, offer),
      gets: (pipe) => compositor.checkRead(link.client, pipe),
    });
    links.push(link);
    guarded(link, link.app.begin);
  };
  const leave = (link: Link): void => {
    const closing = link.guard.leave();
    link.later = closing === "later" ? link.later + 1 : 0;
    if (link.later > maxLater) disconnect(link);
    if (closing === undefined || closing === "later") return;
    hear(link, closing.toHost);
    link.app.hear(closing.toContainer);
  };
  const wait = (ms: number): void => {
    for (const end = now + ms; now < end;) {
      const next = Math.min(end, (Math.floor(now / leaveCheckMs) + 1) * leaveCheckMs);
      now = next;
      if (now % leaveCheckMs === 0) { for (const link of [...links]) guarded(link, () => leave(link)); }
      check();
    }
  };
  const check = (): void =>
    compositor.check((client) => links.some((link) => link.client === client && link.later > 0));

  const someSurface = (chance: Chance): Parameters<Compositor["focus"]>[0] => {
    const surfaces = [...compositor.clients].flatMap(({ windows }) => [...windows.values()])
      .filter(({ isMapped }) => isMapped).map(({ surface }) => surface);
    return surfaces.length === 0 ? undefined : chance.oneOf(surfaces);
  };
  const someTypes = (chance: Chance): string[] =>
    Array.from({ length: 1 + chance.below(3) }, () => chance.oneOf(types));
  const acts: Record<Exclude<StepName, AppStep>, (chance: Chance) => void> = {
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
    hostCopies: (chance) => compositor.hostCopies("copied", someTypes(chance)),
    hostSelects: (chance) => compositor.hostCopies("selected", someTypes(chance)),
    hostDrags(chance) {
      const surface = someSurface(chance);
      compositor.hostDrags(chance.oneOf(["over", "over", "drop", "drop", "away"]), {
        ...surface && { surface },
        types: someTypes(chance),
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
    wait: (chance) => wait(chance.happens(0.7) ? chance.below(900) : 1_000 + chance.below(4_000)),
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
  };
  return {
    happened: compositor.happened,
    perform(step) {
      const [name, seed] = step.split(":") as [StepName, string];
      const chance = chanceFrom(Number(seed));
      now += chance.below(20);
      stepBeganMs = threadMs();
      if (links.length === 0) connect();
      if (name in appSteps) {
        const link = chance.oneOf(links);
        // In the middle of a frame: its head has passed.
        if (link && name === "fill") link.breaksOff = chance.happens(0.7);
        if (link) guarded(link, () => link.app.act(name as AppStep, chance));
      } else acts[name as keyof typeof acts](chance);
      check();
    },
    end() {
      for (const link of [...links]) disconnect(link);
      keep("memory", session.attention.focused() === 0, "a window that is gone has the keyboard");
    },
  };
}

function anyMonitor(chance: Chance): Monitor {
  const [width, height] = chance.oneOf([[1_920, 1_080], [3_840, 2_160], [2_560, 1_440]] as const);
  return { width, height, scale: width > 2_000 ? 1 + chance.below(2) : 1, isTurned: chance.happens(0.3) };
}

/** How long a message may take, in milliseconds. */
const maxMs = 50;

/** What this thread had run when the step began. */
let stepBeganMs = 0;

/** Does something, and measures the time that this thread needs for it: the machine may be busy. */
function timed<T>(action: () => T): T {
  const start = performance.now();
  const result = action();
  const ms = performance.now() - start;
  if (ms > maxMs) keep("time", Math.min(ms, threadMs() - stepBeganMs) <= maxMs, `${ms} ms`);
  return result;
}

/** What a run has come to. */
export interface Outcome {
  /** What was broken, and by which steps. */
  broken?: { error: Broken; steps: Step[] };
  /** What has happened, and how often. */
  happened: ReadonlyMap<Happening, number>;
}

/** Does these steps in a world of this seed. Anything that throws breaks a promise: nothing else may be thrown. */
export function replay(seed: number, steps: readonly Step[]): Outcome {
  const world = createWorld(seed);
  for (const [index, step] of steps.entries()) {
    try {
      world.perform(step);
    } catch (error) {
      const broken = error instanceof Broken ? error : new Broken("order", String(error), { cause: error });
      return { broken: { error: broken, steps: steps.slice(0, index + 1) }, happened: world.happened };
    }
  }
  world.end();
  return { happened: world.happened };
}

/** The steps of a seed. */
export function stepsOf(seed: number): Step[] {
  const chance = chanceFrom(seed);
  return Array.from({ length: perRun }, (): Step => `${chance.oneOf(weighted)}:${chance.below(2 ** 31)}`);
}

/** Leaves out what is not needed to break the same promise. */
export function shrink(seed: number, { error, steps }: NonNullable<Outcome["broken"]>): Step[] {
  let left = steps;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < left.length;) {
      const fewer = [...left.slice(0, at), ...left.slice(at + size)];
      const { broken } = replay(seed, fewer);
      if (broken?.error.promise === error.promise) left = broken.steps;
      else at += size;
    }
  }
  return left;
}

/** Runs a seed. A failure names the steps that repeat it. */
export function run(seed: number): Outcome {
  const outcome = replay(seed, stepsOf(seed));
  if (!outcome.broken) return outcome;
  return { ...outcome, broken: { ...outcome.broken, steps: shrink(seed, outcome.broken) } };
}

if (import.meta.main) {
  const { log } = globalThis.console;
  const [first = "3600", second, ...rest] = Deno.args;
  const report = (seed: number, { broken }: Outcome): boolean => {
    if (!broken) return true;
    log(`seed ${seed}: ${broken.error.promise}: ${broken.error.message}`);
    log(`  deno run -A tests/model/wayland.ts replay ${seed} ${broken.steps.join(" ")}`);
    return false;
  };
  if (first === "replay") Deno.exit(report(Number(second), replay(Number(second), rest as Step[])) ? 0 : 1);
  const end = performance.now() + Number(first) * 1_000;
  const begin = Number(second ?? Date.now() % 1_000_000_000);
  const happened = new Map<string, number>();
  let failures = 0;
  let seed = begin;
  for (; performance.now() < end; seed++) {
    const outcome = run(seed);
    if (!report(seed, outcome)) failures++;
    for (const [what, count] of outcome.happened) happened.set(what, (happened.get(what) ?? 0) + count);
  }
  log({ seeds: `${begin} to ${seed - 1}`, failures, ...Object.fromEntries(happened) });
  Deno.exit(failures > 0 ? 1 : 0);
}
