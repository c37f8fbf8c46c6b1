/**
 * wleird, badly behaved apps on Wayland: each for some seconds behind waypipe and the guard, on sway without a screen,
 * beside a terminal behind the same guard and one behind another. Both must live on, the guard must not grow, and what it
 * says of an app is on the list. Nor may the guard stand still.
 */

import { join } from "@std/path";
import { runProcess, startProcess } from "../../lib/base/process.ts";
import { eventually } from "../e2e/run.ts";
import { exists } from "../lab/files.ts";
import { waylandProgram } from "../lab/wayland.ts";
import { startChain } from "./chain.ts";
import { gitSource, installed } from "./sources.ts";
import type { Results, Suite } from "./suite.ts";

const repository = "https://github.com/emersion/wleird";
const commit = "32868b9ae6d59de56b3c8a1ae421807d22177016";

/** The apps, with their arguments. */
const apps = [
  ...[
    "attach-delta-loop",
    "cursor",
    "damage-paint snow",
    "damage-paint ring",
    "disobey-resize 1.7",
    "disobey-resize 0.4",
  ],
  ...["frame-callback", "gamma-blend", "resize-loop", "resizor", "resource-thief shmpool", "resource-thief region"],
  ...["sigbus", "slow-ack-configure", "subsurfaces", "surface-outputs", "unmap"],
  ...[
    "default",
    "cat-rand",
    "bad-serial",
    "steal-serial",
    "zero-sink",
    "recv-file",
    "steal-sync",
    "recv-flood",
    "recv-sockpair",
    "recv-epipe",
  ]
    .map((mode) => `copy-fu ${mode}`),
];

/** How long each runs, in seconds. */
const seconds = 10;

/** By how much the guard's memory may grow after an app's first second, in KiB: V8 collects late. */
const maxGrowthKib = 64 * 1024;

/** For how long the guard may be busy at a stretch, in milliseconds of the processor's time. */
const maxStandstillMs = 50;

export const wleird: Suite = {
  about: "badly behaved apps on Wayland, behind the guard",
  async run() {
    await installed(
      ...[
        "gcc",
        "libc6-dev",
        "meson",
        "ninja-build",
        "pkgconf",
        "libwayland-dev",
        "libwayland-bin",
        "wayland-protocols",
      ],
      ...["libcairo2-dev", "libgbm-dev", "sway", "foot", "waypipe", "python3"],
    );
    const build = "meson setup -Dwerror=false build && ninja -C build";
    const programs = join(await gitSource(repository, commit, build), "build");
    await using stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "wleird." });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const start = (argv: string[], env: Record<string, string>): void => {
      const process = startProcess(argv, { env: { XDG_RUNTIME_DIR: directory, ...env }, output: "discard" });
      stack.defer(async () => {
        process.kill("SIGTERM");
        await process.ended;
      });
    };
    const config = join(directory, "sway.conf");
    await Deno.writeTextFile(config, "xwayland disable\n");
    const control = join(directory, "control");
    start(["sway", "--config", config], {
      WLR_BACKENDS: "headless",
      WLR_LIBINPUT_NO_DEVICES: "1",
      WLR_RENDERER: "pixman",
      SWAYSOCK: control,
    });
    const host = join(directory, "wayland-1");
    await eventually("sway listens", () => Promise.resolve(exists(host) && exists(control)));
    const devices: Deno.FsFile[] = [];
    for (const program of ["keyboard.py", "pointer.py"] as const) {
      const pipe = join(directory, program);
      await runProcess(["mkfifo", pipe]);
      start(["python3", "-c", waylandProgram(program), pipe], { WAYLAND_DISPLAY: host });
      devices.push(stack.use(await Deno.open(pipe, { read: true, write: true })));
    }
    /** Clicks, again and again, into the window at the right, where the newest one is. */
    const click = (): void => void devices[1]!.write(new TextEncoder().encode("1150 360\nclick\n"));
    const chains = [];
    for (const name of ["same", "other"]) {
      await Deno.mkdir(join(directory, name));
      const chain = stack.use(await startChain(join(directory, name), { host, isUsed: true }));
      chains.push(chain);
      start(["foot", "--title", `witness ${name}`], { WAYLAND_DISPLAY: chain.display });
    }
    const [{ display, guard, told, standstillMs }] = chains as [typeof chains[number]];
    const windows = async (): Promise<string> =>
      (await runProcess(["swaymsg", "--socket", control, "--type", "get_tree"], { okCodes: "any" })).stdout;
    const missing = async (): Promise<string[]> => {
      const shown = await windows();
      return ["witness same", "witness other"].filter((title) => !shown.includes(title));
    };
    await eventually("both witnesses are there", async () => (await missing()).length === 0);
    const results: Results = new Map();
    for (const app of apps) {
      const [program, ...args] = app.split(" ");
      let before = memoryKib(guard);
      await standstillMs();
      told.length = 0;
      const timer = setInterval(click, 1_000);
      const afterSecond = setTimeout(() => before = memoryKib(guard), 1_000);
      const argv = ["timeout", "--kill-after=1", `${seconds}`, join(programs, `wleird-${program}`), ...args];
      const { code, stderr } = await runProcess(argv, {
        env: { XDG_RUNTIME_DIR: directory, WAYLAND_DISPLAY: display },
        okCodes: "any",
        cwd: directory,
      });
      clearInterval(timer);
      clearTimeout(afterSecond);
      const [gone, grown, busyMs] = [await missing(), memoryKib(guard) - before, await standstillMs()];
      const found = [
        ...code === 124 ? [] : [`ends with ${code}: ${stderr.trim().split("\n").at(-1)}`],
        ...gone.map((witness) => `${witness} is gone`),
        ...grown > maxGrowthKib ? [`the guard has grown by ${grown} KiB`] : [],
        ...busyMs > maxStandstillMs ? [`the guard has stood still for ${busyMs.toFixed(0)} ms`] : [],
        ...new Set(told.map((line) => `said: ${line}`)),
      ];
      results.set(app, { isPassed: found.length === 0, said: found.join("; ") });
      if (gone.length > 0) break;
    }
    return results;
  },
};

/** The memory that a process has now. */
function memoryKib(process: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${process}/status`))![1]);
}
