// Desktops of today: which way windows are shown on each, and that they are. Runs in the lab's host of Debian testing.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { borderFor } from "../../lib/guard/wayland/border.ts";
import { todayOptions } from "../lab/today.ts";
import { nothingLeft } from "./sessions.ts";
import { evaluate, pixelsOf, startDesktop, takePicture, testToday } from "./today_desktop.ts";
import { type EngineName, eventually, makeContainer, removeContainer, script, sh, startScript } from "./world.ts";

/** A container of the engine `engine`. */
interface Container {
  name: string;
  engine: EngineName;
}

/** Of the lab's image, with waypipe 0.9.2; by Incus' client of Debian testing. */
const older: Container = { name: "e2e-today-older", engine: "incus" };

/** Of Debian testing, with a waypipe as new as this host's. */
const newer: Container = { name: "e2e-today-newer", engine: "lxc" };

function test(name: string, fn: () => Promise<void>): void {
  testToday(name, fn, older.engine, newer.engine);
}

const shown = "Open channels: clipboard, sound, look; windows by Wayland\n";

/** A terminal in a colour that nothing else has. */
const green = "#00c000";
const app = `foot -T title sh -c 'printf "\\033]11;${green}\\007"; sleep 600'`;

test("containers of Debian 13 and of Debian testing", async () => {
  await Promise.all([
    makeContainer(older.engine, older.name),
    makeContainer(newer.engine, newer.name, undefined, todayOptions),
  ]);
});

for (
  const [desktopName, { name, engine }] of [
    ["GNOME Shell", older],
    ["GNOME Shell", newer],
    ["mutter", older],
    ["sway", older],
    ["sway", newer],
    ["labwc", older],
    ["KWin", older],
    ["KWin", newer],
  ] as const
) {
  test(`attach.ts shows a window by Wayland on ${desktopName}, from ${name}`, async () => {
    await using desktop = await startDesktop(desktopName);
    const { env, titles } = desktop;
    // GNOME Shell draws no frames: the guard draws a border. The others show the title.
    const ownBorder = desktopName === "sway" ? "#0a0bff" : undefined;
    const words = [name, app, ...(ownBorder ? [`--border=${ownBorder},6`] : [])];
    const running = startScript("attach", engine, ["--deny=dialogs", "--session=w", ...words], { env });
    const title = `[${name}] title`;
    try {
      await eventually(`the title "${title}"`, () => Promise.resolve(titles.includes(title)));
      if (desktopName === "GNOME Shell") {
        const known = "global.get_window_actors().map((actor) => actor.meta_window.title).join()";
        await eventually("the window", async () => (await evaluate(known, env)).includes(title));
      }
      if (desktopName === "sway") {
        await eventually("the window", async () => (await sh(["swaymsg", "-t", "get_tree"], { env })).includes(title));
      }
      if (desktopName !== "mutter" && desktopName !== "KWin") {
        const picture = join(env["XDG_RUNTIME_DIR"]!, "picture.png");
        await eventually("the window's picture", async () => {
          await takePicture(desktopName, picture, env);
          return await pixelsOf(green, picture) > 50_000;
        });
        const border = ownBorder ?? `#${new Uint8Array(borderFor(name).colour).toHex()}`;
        assertEquals(await pixelsOf(border, picture) > 3_000, desktopName !== "labwc");
      }
    } finally {
      await script("attach", engine, ["--stop", name, "--all"], { env });
    }
    const { code, stderr } = await running.ended;
    assertEquals([code, stderr], [0, `${shown}The session "w" was stopped\n`]);
    // The app's name never came without the container's.
    assertEquals(titles.filter((other) => !`${other} `.startsWith(`[${name}] `)), []);
    await nothingLeft(engine, name);
  });
}

test("the containers are removed", async () => {
  await Promise.all([older, newer].map(({ name, engine }) => removeContainer(engine, name)));
});
