// What a window of a container's shows beside itself, on a Wayland compositor, by the guard and without it.

import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { startProcess } from "../../lib/base/process.ts";
import { eventually, mountsRoot, script, sh, startScript } from "./run.ts";
import { nothingLeft, testOnOneEngine } from "./sessions.ts";
import { startKeyboard } from "./today_desktop.ts";
import { startSway, waylandParts, windowCalled } from "./wayland_desktop.ts";
import { makeContainer, removeContainer } from "./world.ts";

const name = "e2e-wayland-windows";

/** The program: its parts, one behind the other. */
const program = ["../lab/wayland_client.py", "large_windows.py"]
  .map((file) => Deno.readTextFileSync(fromFileUrl(new URL(file, import.meta.url)))).join("\n");

/** How many pixels of a desktop are red. */
async function redPixels(env: Record<string, string>): Promise<number> {
  const count = `
import sys
pixels = sys.stdin.buffer.read().split(b"\\n", 3)[3]
print(sum(pixels[at : at + 3] == b"\\xff\\0\\0" for at in range(0, len(pixels), 3)))
`;
  return Number(await sh(["sh", "-c", 'grim -t ppm - | python3 -c "$0"', count], { env }));
}

testOnOneEngine(
  "hostile: a window shows no large part and no large popup through attach.ts, as it does by itself",
  waylandParts,
  async (engine) => {
    await makeContainer(engine, name);
    try {
      const file = join(mountsRoot, name, "share", "large.py");
      await Deno.writeTextFile(file, program);
      for (const [what, scale] of [["part", 1], ["popup", 1], ["popup", 2]] as const) {
        await using desktop = await startSway();
        const { env } = desktop;
        await sh(["swaymsg", `output * scale ${scale}; for_window [title=".*"] floating enable`], { env });
        // The guard shows no popup of a container that does not have the keyboard.
        await using _ = await startKeyboard("sway", env);
        const own = startProcess(["python3", file, what, `${scale}`], { env, output: { line: () => {} } });
        await eventually(`a large ${what}`, async () => await redPixels(env) > 200_000);
        own.kill("SIGKILL");
        await own.ended;
        await eventually("its end", async () => await redPixels(env) === 0);
        const command = `python3 share/large.py ${what} ${scale}`;
        const running = startScript("attach", engine, ["--session=large", name, command], { env });
        await windowCalled(`[${name}] large`, env);
        const log = join(mountsRoot, name, "xpra", "large.log");
        await eventually("all of it", async () => (await Deno.readTextFile(log)).includes("shown"));
        await new Promise((resolve) => setTimeout(resolve, 500));
        assertEquals(await redPixels(env), 0);
        await script("attach", engine, ["--stop", name, "--all"]);
        await running.ended;
      }
      await nothingLeft(engine, name);
    } finally {
      await removeContainer(engine, name);
    }
  },
);
