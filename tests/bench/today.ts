/** Rows: a session on each desktop of today, in the lab's host of Debian testing. */

import { abortable } from "@std/async";
import { join } from "@std/path";
import { startDesktop, type TodayDesktop } from "../e2e/today_desktop.ts";
import { maxPictures } from "./compositor.ts";
import { measuredSeconds } from "./feel.ts";
import { sessionLoad, settle } from "./load.ts";
import { type Row, type TodayDesktopName, todayDesktops } from "./row.ts";
import { type Session, startNative, startSession } from "./sessions.ts";
import { container, makeContainer, mounts, root, sleep } from "./world.ts";

const needs = ["user", "lxc", "today"] as const;

/** A desktop, with its log of the Wayland protocol. */
interface LoggedDesktop extends TodayDesktop {
  log: string[];
  /** Waits for the next picture of any app, up to a minute; gives the time (`performance.now()`) at which it came. */
  nextPicture(): Promise<number>;
}

async function startLogged(name: TodayDesktopName): Promise<LoggedDesktop> {
  const log: string[] = [];
  let seen = (_ms: number): void => {};
  const desktop = await startDesktop(name, (line) => {
    log.push(line);
    if (/ wl_surface#\d+\.attach\(wl_buffer/.test(line)) seen(performance.now());
  });
  const nextPicture = (): Promise<number> =>
    abortable(new Promise<number>((resolve) => seen = resolve), AbortSignal.timeout(60_000));
  return Object.assign(desktop, { log, nextPicture });
}

const commands = {
  terminal: { ours: "foot -T first cat", native: "foot -T first cat" },
  paint: { ours: "python3 share/paint_wayland.py", native: "python3 tests/bench/paint_wayland.py" },
};

/** Starts an app in a container, and the same app on the host. */
function start(app: keyof typeof commands, way: "ours" | "native", { env }: LoggedDesktop): Promise<Session> {
  return way === "native"
    ? Promise.resolve(startNative(commands[app].native, env))
    : startSession("ours", { app: commands[app].ours, sound: true, env, options: ["--display=wayland"] });
}

/** The seconds from a command to the first picture of its window. */
async function firstPicture(desktop: LoggedDesktop, way: "ours" | "native"): Promise<number> {
  const picture = desktop.nextPicture();
  const startMs = performance.now();
  const session = await start("terminal", way, desktop);
  try {
    return (await picture - startMs) / 1000;
  } finally {
    await session.end();
  }
}

/** Frames in a second, and what the session costs. */
async function frames(desktop: LoggedDesktop, way: "ours" | "native"): Promise<{ rate: number; cpu: number }> {
  const picture = desktop.nextPicture();
  const session = await start("paint", way, desktop);
  try {
    await picture;
    await settle();
    const { cpu, result } = await sessionLoad({
      pids: [session.pid],
      app: "share/paint",
      work: async () => {
        const from = desktop.log.length;
        await sleep(measuredSeconds * 1000);
        return desktop.log.slice(from).join("\n");
      },
    });
    return { rate: maxPictures(result) / measuredSeconds, cpu };
  } finally {
    await session.end();
  }
}

async function prepare(): Promise<void> {
  await makeContainer();
  await Deno.copyFile(
    join(root, "tests/bench/paint_wayland.py"),
    join(mounts, container, "share", "paint_wayland.py"),
  );
}

/** A row with a desktop of its own for each figure. */
function row(
  rest: Pick<Row, "measures" | "rounds">,
  measure: (desktop: LoggedDesktop) => Promise<number[]>,
): Row<TodayDesktopName> {
  const names = Object.keys(todayDesktops) as TodayDesktopName[];
  return {
    ...rest,
    needs,
    before: prepare,
    ways: Object.fromEntries(names.map((name) => [name, async () => {
      await using desktop = await startLogged(name);
      return await measure(desktop);
    }])),
  };
}

const repainted = "1000 × 700 window repainted at 60 Hz";

/** All rows about desktops of today. */
export const todayRows: readonly Row<TodayDesktopName>[] = [
  row({
    measures: [
      { name: "attach to the first picture, ours", unit: "s" },
      { name: "start to the first picture, native", unit: "s" },
    ],
    rounds: 4,
  }, async (desktop) => [await firstPicture(desktop, "ours"), await firstPicture(desktop, "native")]),
  row({
    measures: [
      { name: `${repainted}, ours`, unit: "frames/s" },
      { name: `${repainted}, ours: processor`, unit: "% of a core" },
      { name: `${repainted}, native`, unit: "frames/s" },
    ],
    rounds: 1,
  }, async (desktop) => {
    const ours = await frames(desktop, "ours");
    const native = await frames(desktop, "native");
    return [ours.rate, ours.cpu, native.rate];
  }),
];
