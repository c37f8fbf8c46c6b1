/**
 * A headless sway of the bench's own, with an Xwayland and a keyboard. It logs every message of its clients, with
 * times.
 */

import { join } from "@std/path";
import { type RunningProcess, runProcess, startProcess } from "../../lib/base/process.ts";
import type { Probe } from "./world.ts";

/** Windows keep the size that they want, and each has the keyboard until another gets it. */
const config = `\
output HEADLESS-1 mode --custom 1920x1200@60Hz
focus_follows_mouse no
for_window [title=".*"] floating enable
xwayland force
exec echo "$WAYLAND_DISPLAY $DISPLAY $SWAYSOCK"
`;

/** A part of the log, in bytes. */
export interface Span {
  from: number;
  to: number;
}

/** A sway that runs. */
export interface Compositor {
  /** What a program needs to have its windows there. */
  env: Record<string, string>;
  /**
   * Begins to look for a new window with a word in its title; it sees the moment (`performance.now()`) at which it
   * came.
   */
  window(title: string): Promise<Probe<number>>;
  /** Types into the window with the keyboard, a key after the other. */
  type(count: number): Promise<void>;
  /** What part of the log is written while something is done. */
  during(work: () => Promise<unknown>): Promise<Span>;
  /** How many new pictures the window got that got the most. */
  pictures(span: Span): Promise<number>;
  /** The milliseconds from each key to the next new picture of the window that got the key. */
  keyDelays(span: Span): Promise<number[]>;
  end(): Promise<void>;
}

/** How long a window may take, in seconds. */
const windowSeconds = 60;

/** The time from one key to the next, in milliseconds: more than a picture takes with any of the ways. */
const keyMs = 120;

/** Starts it, and returns when it has its keyboard. */
export async function startCompositor(): Promise<Compositor> {
  const directory = await Deno.makeTempDir({ prefix: "gui-container-bench-" });
  const log = join(directory, "log");
  await Deno.writeTextFile(join(directory, "config"), config);
  const told = Promise.withResolvers<string>();
  // Whatever becomes of the bench, sway ends, and with it its clients.
  const argv = ["setpriv", "--pdeathsig", "TERM", "sh", "-c", 'exec sway --config "$1/config" 2>"$1/log"'];
  const sway = startProcess([...argv, "sh", directory], {
    env: { XDG_RUNTIME_DIR: directory, WLR_BACKENDS: "headless", WLR_RENDERER: "pixman", WAYLAND_DEBUG: "server" },
    output: { line: told.resolve },
  });
  sway.ended.then(async () => told.reject(new Error(`sway does not start: ${await Deno.readTextFile(log)}`)));
  const [WAYLAND_DISPLAY = "", DISPLAY = "", SWAYSOCK = ""] = (await told.promise).split(" ");
  const env = {
    XDG_RUNTIME_DIR: directory,
    WAYLAND_DISPLAY,
    DISPLAY,
    SWAYSOCK,
    XDG_SESSION_TYPE: "wayland",
    XDG_CURRENT_DESKTOP: "sway",
  };
  let keyboard = startKeyboard(env);
  const size = async (): Promise<number> => (await Deno.stat(log)).size;
  const read = async (to: number): Promise<string> =>
    new TextDecoder("latin1").decode((await Deno.readFile(log)).subarray(0, to));
  return {
    env,
    window: (title) => windowProbe(title, env),
    async type(count) {
      await runProcess(["wtype", "-d", `${keyMs}`, "x".repeat(count)], { env });
      // With its keyboard the seat's keymap has gone.
      await endKeyboard(keyboard);
      keyboard = startKeyboard(env);
    },
    async during(work) {
      const from = await size();
      await work();
      return { from, to: await size() };
    },
    async pictures(span) {
      return maxPictures(await read(span.to), span.from);
    },
    async keyDelays(span) {
      return delays(eventsIn(await read(span.to), span.from));
    },
    async end() {
      await endKeyboard(keyboard);
      sway.kill("SIGTERM");
      await sway.ended;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/**
 * A keyboard that stays: a client sees that there is one only when the first key of it is gone. It types a space, since
 * waypipe 0.9.2 ends an app that is shown a keyboard without a keymap.
 */
function startKeyboard(env: Record<string, string>): RunningProcess {
  return startProcess(["wtype", " ", "-s", String(2 ** 31 - 1)], { env });
}

async function endKeyboard(keyboard: RunningProcess): Promise<void> {
  keyboard.kill("SIGTERM");
  await keyboard.ended;
}

async function windowProbe(title: string, env: Record<string, string>): Promise<Probe<number>> {
  const listens = Promise.withResolvers<void>();
  const seen = Promise.withResolvers<number>();
  // sway answers a subscription to ticks with the first one.
  const argv = ["swaymsg", "--raw", "--monitor", "--type=subscribe", '["window", "tick"]'];
  const sway: RunningProcess = startProcess(["timeout", `${windowSeconds}`, ...argv], {
    env,
    output: {
      line(line) {
        const event = JSON.parse(line);
        if (event.first === true) return listens.resolve();
        if (!["new", "title"].includes(event.change) || !event.container.name?.includes(title)) return;
        seen.resolve(performance.now());
        sway.kill("SIGTERM");
      },
    },
  });
  sway.ended.then(() => seen.reject(new Error(`No window "${title}" within ${windowSeconds} s`)));
  await Promise.race([listens.promise, seen.promise]);
  return { seen: seen.promise };
}

/** What happened to a surface: it was told of a key, or it got a new picture. */
interface LoggedEvent {
  what: "key" | "picture";
  surface: string;
  ms: number;
}

/**
 * A message of libwayland's log: `[ 208901.599] wl_surface#3.commit()`, with an arrow before it if the compositor has
 * sent it. Newer versions write the time of day: `[12:35:54.382453]`.
 */
const message = /^\[ *([\d:.]+)\] +(?:-> )?(?:wl_keyboard|wl_surface)#(\d+)\.(enter|key|attach|commit)\((.*)\)$/gm;

/**
 * The events in a log after an offset. The log does not name clients, and each counts its surfaces by itself: they are
 * told apart as far as no two clients draw at the same time.
 */
function eventsIn(log: string, from: number): LoggedEvent[] {
  const events: LoggedEvent[] = [];
  const attached = new Set<string>();
  let focus = "";
  for (const { index, 1: time, 2: id = "", 3: name, 4: args = "" } of log.matchAll(message)) {
    const add = (event: Omit<LoggedEvent, "ms">): unknown =>
      index >= from && events.push({ ...event, ms: milliseconds(time!) });
    if (name === "enter") focus = /^\d+, wl_surface#(\d+)/.exec(args)?.[1] ?? focus;
    else if (name === "key" && args.endsWith(", 1")) add({ what: "key", surface: focus });
    else if (name === "attach" && !args.startsWith("nil")) attached.add(id);
    else if (name === "commit" && attached.delete(id)) add({ what: "picture", surface: id });
  }
  return events;
}

function milliseconds(time: string): number {
  return time.includes(":") ? 1000 * time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) : Number(time);
}

function delays(events: readonly LoggedEvent[]): number[] {
  const found: number[] = [];
  let key: LoggedEvent | undefined;
  for (const event of events) {
    if (event.what === "key") key ??= event;
    else if (key?.surface === event.surface) {
      found.push(event.ms - key.ms);
      key = undefined;
    }
  }
  return found;
}

/** How many new pictures the busiest surface got, according to a log after an offset. */
export function maxPictures(log: string, from = 0): number {
  const counts = new Map<string, number>();
  for (const { what, surface } of eventsIn(log, from)) {
    if (what === "picture") counts.set(surface, (counts.get(surface) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}
