// What a window of a container's shows beside itself, on a Wayland compositor, by the guard and without it.

import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { startProcess } from "../../lib/base/process.ts";
import { eventually, mountsRoot, script, sh, startScript } from "./run.ts";
import { nothingLeft, testOnIncus } from "./sessions.ts";
import { startKeyboard } from "./today_desktop.ts";
import { startSway, waylandParts, windowCalled } from "./wayland_desktop.ts";
import { shareContainer } from "./world.ts";

const nameOn = shareContainer("wayland-windows");

/** A program: its parts, one behind the other. */
function program(file: string): string {
  return ["../lab/wayland_client.py", file]
    .map((part) => Deno.readTextFileSync(fromFileUrl(new URL(part, import.meta.url)))).join("\n");
}

/** How many pixels of a desktop are red, green and blue. */
async function pixels(env: Record<string, string>): Promise<Record<"red" | "green" | "blue", number>> {
  const count = `
import collections, sys
pixels = sys.stdin.buffer.read().split(b"\\n", 3)[3]
found = collections.Counter(pixels[at : at + 3] for at in range(0, len(pixels), 3))
print(*(found[colour] for colour in (b"\\xff\\0\\0", b"\\0\\xff\\0", b"\\0\\0\\xff")))
`;
  const [red, green, blue] = (await sh(["sh", "-c", 'grim -t ppm - | python3 -c "$0"', count], { env })).split(" ");
  return { red: Number(red), green: Number(green), blue: Number(blue) };
}

testOnIncus(
  "hostile: a window shows no large part and no large popup through attach.ts, as it does by itself",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const file = join(mountsRoot, name, "share", "large.py");
    await Deno.writeTextFile(file, program("large_windows.py"));
    for (const [what, scale] of [["part", 1], ["popup", 1], ["popup", 2]] as const) {
      await using desktop = await startSway();
      const { env } = desktop;
      await sh(["swaymsg", `output * scale ${scale}; for_window [title=".*"] floating enable`], { env });
      // The guard shows no popup of a container that does not have the keyboard.
      await using _ = await startKeyboard("sway", env);
      const own = startProcess(["python3", file, what, `${scale}`], { env, output: { line: () => {} } });
      await eventually(`a large ${what}`, async () => (await pixels(env)).red > 200_000);
      own.kill("SIGKILL");
      await own.ended;
      await eventually("its end", async () => (await pixels(env)).red === 0);
      const command = `python3 share/large.py ${what} ${scale}`;
      const running = startScript("attach", engine, ["--session=large", name, command], { env });
      await windowCalled(`[${name}] large`, env);
      const log = join(mountsRoot, name, "xpra", "large.log");
      await eventually("all of it", async () => (await Deno.readTextFile(log)).includes("shown"));
      await new Promise((resolve) => setTimeout(resolve, 500));
      assertEquals((await pixels(env)).red, 0);
      await script("attach", engine, ["--stop", name, "--all"]);
      await running.ended;
    }
    await nothingLeft(engine, name);
  },
);

testOnIncus(
  "a window that is drawn by a part of it has its border around it when it has become smaller, tiled and floating",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    await Deno.writeTextFile(join(mountsRoot, name, "share", "shrinking.py"), program("shrinking_window.py"));
    await using desktop = await startSway();
    const { env } = desktop;
    /** Opens a window. Returns the last line that it has drawn. */
    const open = async (
      title: string,
    ): Promise<{ running: ReturnType<typeof startScript>; drawn(): Promise<string> }> => {
      const words = [`--session=${title}`, "--border=red,4", name, `python3 share/shrinking.py ${title}`];
      const running = startScript("attach", engine, words, { env });
      await windowCalled(`[${name}] ${title}`, env);
      const log = join(mountsRoot, name, "xpra", `${title}.log`);
      return { running, drawn: async () => (await Deno.readTextFile(log)).trimEnd().split("\n").at(-1)! };
    };
    /** The windows show nothing but themselves, so large as they are, and their borders; without tiles, their shadows in a line. */
    const showThemselves = async (
      sizes: readonly (readonly [number, number])[],
      { shadow = 4 } = {},
    ): Promise<boolean> => {
      const sum = (of: (width: number, height: number) => number): number =>
        sizes.reduce((all, [width, height]) => all + of(width, height), 0);
      const grown = (by: number): number => sum((width, height) => (width + 2 * by) * (height + 2 * by));
      const { red, green, blue } = await pixels(env);
      const line = shadow > 4 ? grown(shadow + 4) - grown(shadow + 3) : 0;
      return blue === grown(shadow) - grown(4) && green === grown(0) && red === grown(4) - grown(0) + line;
    };
    const sizeIn = (line: string): [number, number] => {
      const [, width, height] = /^drawn (\d+) x (\d+)$/.exec(line) ?? [];
      return [Number(width), Number(height)];
    };
    const first = await open("first");
    const alone = await eventually("one window", async () => {
      const size = sizeIn(await first.drawn());
      return await showThemselves([size]) ? size : undefined;
    });
    const second = await open("second");
    await eventually("two windows", async () => {
      const sizes = [sizeIn(await first.drawn()), sizeIn(await second.drawn())];
      return sizes.every(([width]) => width < alone[0] - 128) && await showThemselves(sizes);
    });
    // sway takes over the size that a window which floats has: what the guard says meanwhile is none of the app's.
    await sh(["swaymsg", '[title="first"] move to workspace 2; [title="second"] floating enable'], { env });
    const floating = { shadow: 20 };
    await eventually(
      "a window that floats",
      async () => await showThemselves([sizeIn(await second.drawn())], floating),
    );
    for (const side of [300, 500, 200]) {
      await sh(["swaymsg", `[title="second"] resize set ${side} ${side}, move position 100 100`], { env });
      await eventually(`a window of ${side} pixels`, async () => {
        const size = sizeIn(await second.drawn());
        return size.every((own) => own === side - 8) && await showThemselves([size], floating);
      });
    }
    await script("attach", engine, ["--stop", name, "--all"]);
    await Promise.all([first.running.ended, second.running.ended]);
    await nothingLeft(engine, name);
  },
);
