/** Rows: a session on a Wayland desktop. */

import { join } from "@std/path";
import { exists } from "../../lib/base/files.ts";
import { startProcess } from "../../lib/base/process.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { type Compositor, startCompositor } from "./compositor.ts";
import { measuredSeconds, playVideo, prepareApps } from "./feel.ts";
import { idleMs } from "./idle.ts";
import { family, sessionLoad, settle, settleIdle } from "./load.ts";
import type { Row, WaylandWay } from "./row.ts";
import { type Session, ssh, startNative, startSession } from "./sessions.ts";
import { container, mounts, root, sleep } from "./world.ts";

const needs = ["user", "lxc", "wayland", "bus", "sound", "xpra", "imageXpra"] as const;

/** How many keys are typed. */
const keyCount = 40;

/** An app with one window. */
interface App {
  /** A word in the window's title. */
  title: string;
  /** Its command line in a session over Wayland, and that of its like in one over X. */
  wayland: string;
  x11: string;
  /** Its command line on the host, if that is another one. */
  native?: string;
  /** For {@linkcode sessionLoad}. */
  process: string;
}

function terminal(title: string): App {
  return { title, wayland: `foot -T ${title} cat`, x11: `xterm -T ${title} -e cat`, process: "foot|xterm|cat" };
}

const paint: App = {
  title: "paint",
  wayland: "python3 share/paint_wayland.py",
  x11: "python3 share/paint.py",
  native: "python3 tests/bench/paint_wayland.py",
  process: "share/paint",
};

const paintByGtk: App = {
  title: "paint",
  wayland: "python3 share/paint_gtk.py",
  x11: "python3 share/paint_gtk.py",
  process: "share/paint",
};

const video: App = {
  title: "video",
  wayland: `${playVideo} --vo=wlshm`,
  x11: `${playVideo} --vo=x11`,
  process: "mpv",
};

/** The desktop of the row that is measured. */
let desktop: Compositor;

/** Starts an app in a way, and returns when that way's client has been started. */
async function start(way: WaylandWay, app: App, { sound }: { sound: boolean }): Promise<Session> {
  const { env } = desktop;
  switch (way) {
    case "native":
      return startNative(app.native ?? app.wayland, env);
    case "hand":
      return await startWaypipe(app.wayland);
    case "plain":
      return await startSession("plain", { app: app.x11, sound, env });
    case "ours":
      return await startSession("ours", { app: app.wayland, sound, env, options: ["--display=wayland"] });
    case "x11":
      return await startSession("ours", { app: app.x11, sound, env, options: ["--display=x11"] });
  }
}

/** By hand: waypipe on both sides, in a security context, over a socket in the directory that both see. */
async function startWaypipe(app: string): Promise<Session> {
  const name = "bench-waypipe";
  const socket = join(mounts, container, "xpra", name);
  const waypipe = ["waypipe", "--no-gpu", "--compress", "none"];
  const client = startProcess([...waypipe, "--secctx", container, "--socket", socket, "client"], { env: desktop.env });
  while (!await exists(socket)) await sleep(5);
  await Deno.chmod(socket, 0o660);
  const unit = ["systemd-run", "--user", "--quiet", "--collect", `--unit=${name}`];
  const server = [...waypipe, "--unlink-socket", "--socket", `/home/ubuntu/.xpra/${name}`, "server"];
  await ssh(quoteWords([...unit, ...server, "--", ...app.split(" ")]));
  const detach = async (): Promise<void> => {
    client.kill("SIGTERM");
    await client.ended;
  };
  return {
    pid: client.pid,
    detach,
    async end() {
      await ssh(`systemctl --user stop ${name}.service || true`);
      await detach();
      await Deno.remove(socket).catch(() => {});
    },
  };
}

/** Does something with a session whose window is there. */
async function inSession<T>(
  way: WaylandWay,
  { app, sound = false }: { app: App; sound?: boolean },
  work: (session: Session, seconds: { toWindow: number }) => Promise<T>,
): Promise<T> {
  const { seen } = await desktop.window(app.title);
  const startMs = performance.now();
  let session: Session | undefined;
  try {
    const [seenMs] = await Promise.all([seen, start(way, app, { sound }).then((started) => session = started)]);
    return await work(session!, { toWindow: (seenMs - startMs) / 1000 });
  } finally {
    await session?.end();
  }
}

function firstWindow(way: WaylandWay): Promise<[number]> {
  return inSession(way, { app: terminal("first"), sound: true }, (_, { toWindow }) => Promise.resolve([toWindow]));
}

/** The same in a copy of the container. */
async function firstWindowOfCopy(way: WaylandWay): Promise<[number]> {
  const { title, wayland, x11 } = terminal("copy");
  const [display, app] = way === "ours" ? ["wayland", wayland] : ["x11", x11];
  const { seen } = await desktop.window(title);
  const startMs = performance.now();
  const argv = ["./attach.ts", "--quiet", "--disposable", `--display=${display}`, container, app];
  const attach = startProcess(argv, { cwd: root, env: desktop.env });
  try {
    return [(await seen - startMs) / 1000];
  } finally {
    attach.kill("SIGINT");
    await attach.ended;
    await settle();
  }
}

function keys(way: WaylandWay): Promise<[number[]]> {
  return inSession(way, { app: terminal("keys") }, async () => {
    await settle();
    const typed = await desktop.during(() => desktop.type(keyCount));
    // With the first one comes the keymap of the keyboard that types.
    return [(await desktop.keyDelays(typed)).slice(1)];
  });
}

/** Frames in a second and, but for an app without a session, the load. */
function frames(way: WaylandWay, app: App): Promise<number[]> {
  return inSession(way, { app }, async ({ pid }) => {
    await settle();
    const { cpu, result } = await sessionLoad({
      pids: [pid],
      app: app.process,
      work: () => desktop.during(() => sleep(measuredSeconds * 1000)),
    });
    const rate = await desktop.pictures(result) / measuredSeconds;
    return way === "native" ? [rate] : [rate, cpu];
  });
}

/** glmark2's score, which goes by its pictures in a second; none where it is not installed. */
async function glmark(way: WaylandWay): Promise<number[]> {
  const share = join(mounts, container, "share");
  const [script, result] = [join(share, "glmark.sh"), join(share, "glmark.txt")];
  await Deno.writeTextFile(script, glmarkSh);
  await Deno.remove(result).catch(() => {});
  const isThere = way !== "native" || await exists("/usr/bin/glmark2-es2-wayland");
  const app = { title: "glmark2", wayland: "sh share/glmark.sh", native: `sh ${script}`, x11: "", process: "glmark2" };
  if (isThere) {
    await inSession(way, { app }, async () => {
      while (!await exists(result)) await sleep(100);
    });
  }
  const [, score] = /glmark2 Score: (\d+)/.exec(isThere ? await Deno.readTextFile(result) : "") ?? [];
  return score === undefined ? [] : [Number(score)];
}

const glmarkSh = `cd "$(dirname "$0")" || exit 1
glmark2-es2-wayland --size 1000x700 -b build:duration=3 -b texture:duration=3 -b desktop:duration=3 >glmark.part 2>&1
mv glmark.part glmark.txt
`;

/** The load of an idle session; that of ours over Wayland once more when its terminal was given back. */
function idle(way: WaylandWay): Promise<number[]> {
  const app = terminal("idle");
  return inSession(way, { app, sound: true }, async ({ pid, detach }) => {
    const load = async (pids: readonly number[]): Promise<number[]> => {
      const { cpu, memory, parts } = await sessionLoad({ pids, app: app.process, work: () => sleep(idleMs) });
      Deno.stderr.writeSync(new TextEncoder().encode(`${way}: ${parts}\n`));
      return [cpu, memory];
    };
    await settleIdle();
    const attached = await load([pid]);
    if (way !== "ours") return attached;
    const all = await family([pid]);
    await detach();
    await settleIdle();
    return [...attached, ...await load(all)];
  });
}

async function prepare(): Promise<void> {
  await prepareApps();
  desktop = await startCompositor();
}

/** A row with a desktop of its own. */
function row(
  { ways, ...rest }: Pick<Row, "measures" | "rounds"> & { ways: readonly WaylandWay[] },
  measure: (way: WaylandWay) => Promise<(number | readonly number[])[]>,
): Row<WaylandWay> {
  return {
    ...rest,
    needs,
    before: prepare,
    after: () => desktop.end(),
    ways: Object.fromEntries(ways.map((way) => [way, () => measure(way)])),
  };
}

function frameRow(name: string, app: App, ways: readonly WaylandWay[]): Row<WaylandWay> {
  const measures = [{ name, unit: "frames/s" }, { name: `${name}: processor`, unit: "% of a core" }];
  return row({ measures, rounds: 1, ways }, (way) => frames(way, app));
}

const sessions: readonly WaylandWay[] = ["hand", "ours", "x11", "plain"];
const all: readonly WaylandWay[] = ["native", ...sessions];

/** All rows about a Wayland desktop. */
export const waylandRows: readonly Row<WaylandWay>[] = [
  row({ measures: [{ name: "attach to first window", unit: "s" }], rounds: 4, ways: all }, firstWindow),
  row({
    measures: [{ name: "attach in a copy of the container, `--disposable`, to first window", unit: "s" }],
    rounds: 4,
    ways: ["ours", "x11"],
  }, firstWindowOfCopy),
  row({ measures: [{ name: "key pressed to new picture, terminal", unit: "ms" }], rounds: 1, ways: all }, keys),
  frameRow("1000 × 700 window repainted at 60 Hz", paint, all),
  frameRow("1000 × 700 window repainted at 60 Hz by GTK 3", paintByGtk, ["hand", "ours", "x11"]),
  frameRow("1280 × 720 video of 30 frames/s in mpv", video, sessions),
  row({
    measures: [{ name: "glmark2-es2-wayland, 1000 × 700, three scenes, drawn by the processor", unit: "score" }],
    rounds: 1,
    ways: ["native", "hand", "ours"],
  }, glmark),
  row({
    measures: [
      { name: "idle session", unit: "% of a core" },
      { name: "idle session: memory of all its processes (PSS)", unit: "MB" },
      { name: "idle session, terminal given back", unit: "% of a core" },
      { name: "idle session, terminal given back: memory of all its processes (PSS)", unit: "MB" },
    ],
    rounds: 1,
    ways: sessions,
  }, idle),
];
