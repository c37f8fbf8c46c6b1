/** Rows: what it is like to use a window: keys, whole-window pictures, a video, text. */

import { join } from "@std/path";
import { sessionLoad, settle } from "./load.ts";
import type { Row, Way } from "./row.ts";
import { type Session, startSession, titleOf } from "./sessions.ts";
import { container, engine, makeContainer, mounts, probe, root, run } from "./world.ts";

const needs = ["user", "lxc", "display", "windowManager", "bus", "xpra", "imageXpra"] as const;

/** How long frames are counted. */
export const measuredSeconds = 6;

/**
 * Measures in a session; xpra by itself shows a window of 10 × 17 pixels at times, in which there is nothing to see:
 * then in another one. Ours has to be right at once.
 */
async function inSession<T>(way: Way, app: string, work: (session: Session) => Promise<T>): Promise<T> {
  for (let left = way === "ours" ? 1 : 5;; left--) {
    const session = await startSession(way, { app, sound: false });
    try {
      return await work(session);
    } catch (error) {
      if (left === 1) throw error;
      Deno.stderr.writeSync(new TextEncoder().encode(`${way}: ${error}\n`));
    } finally {
      await session.end();
    }
  }
}

function keys(way: Way): Promise<[number[]]> {
  return inSession(way, "xterm -T keys -e cat", async () => {
    await (await probe("window", titleOf(way, "keys"), "30")).seen;
    await settle();
    const typed = await probe<number[]>("keys", titleOf(way, "keys"), "40");
    return [await typed.seen];
  });
}

/** How mpv plays the video, but for its output. */
export const playVideo = "mpv --no-config --really-quiet --ao=null --no-osc --title=video share/video.mp4";

/** An app whose window changes all the time. */
interface Moving {
  app: string;
  /** A regular expression for the app's window title. */
  title: string;
  /** A part of the window that every frame changes: x, y, width, height. */
  area: readonly [number, number, number, number];
  /** For {@linkcode sessionLoad}. */
  process: string;
}

const paint: Moving = {
  app: "python3 share/paint.py",
  title: "paint",
  area: [0, 350, 1000, 1],
  process: "share/paint",
};
const video: Moving = {
  app: `${playVideo} --vo=x11`,
  title: "video",
  area: [0, 500, 1280, 1],
  process: "mpv",
};
const text: Moving = {
  app: "xterm -T text -geometry 100x40 -e sh share/text.sh",
  title: "text",
  area: [0, 0, 600, 100],
  process: "xterm|share/text|sleep",
};

function frames(way: Way, { app, title, area, process }: Moving): Promise<[number, number]> {
  return inSession(way, app, async ({ pid }) => {
    await (await probe("window", titleOf(way, title), "30")).seen;
    await settle();
    const { cpu, result } = await sessionLoad({
      pids: [pid],
      app: process,
      async work() {
        const args = [titleOf(way, title), `${measuredSeconds}`, ...area.map(String)];
        return await (await probe<{ changes: number; seconds: number }>("changes", ...args)).seen;
      },
    });
    return [result.changes / result.seconds, cpu];
  });
}

let isPrepared = false;

/** Makes the container and the apps in it, once a run. */
export async function prepareApps(): Promise<void> {
  if (isPrepared) return;
  await makeContainer();
  const share = join(mounts, container, "share");
  for (const name of ["paint.py", "paint_gtk.py", "paint_wayland.py"]) {
    await Deno.copyFile(join(root, "tests/bench", name), join(share, name));
  }
  await Deno.writeTextFile(
    join(share, "text.sh"),
    "i=0\nwhile :; do\n  i=$((i + 1))\n  seq -s ' ' $i $((i + 20))\n  sleep 0.016\ndone\n",
  );
  const make =
    "ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=1280x720:rate=30 -t 40 -pix_fmt yuv420p /home/ubuntu/share/video.mp4";
  await run([engine, "exec", container, "--user=1000", "--group=1000", "--", ...make.split(" ")]);
  isPrepared = true;
}

function frameRow(name: string, moving: Moving): Row {
  const measured: Way[] = ["original", "hand", "mmap", "ours"];
  return {
    measures: [{ name, unit: "frames/s" }, { name: `${name}: processor`, unit: "% of a core" }],
    needs,
    rounds: 1,
    before: prepareApps,
    ways: Object.fromEntries(measured.map((way) => [way, () => frames(way, moving)])),
  };
}

/** All rows about using a window. */
export const feelRows: readonly Row[] = [
  {
    measures: [{ name: "key pressed to picture changed, xterm", unit: "ms" }],
    needs,
    rounds: 1,
    before: makeContainer,
    ways: {
      original: () => keys("original"),
      hand: () => keys("hand"),
      mmap: () => keys("mmap"),
      ours: () => keys("ours"),
    },
  },
  frameRow("1000 × 700 window repainted at 60 Hz", paint),
  frameRow("1280 × 720 video of 30 frames/s in mpv", video),
  frameRow("text scrolling in xterm, 60 lines/s", text),
];
