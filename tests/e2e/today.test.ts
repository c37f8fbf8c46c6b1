// Desktops of today: which way windows are shown on each, and that they are. Runs in the lab's host of Debian testing.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { todayOptions } from "../lab/today.ts";
import { nothingLeft } from "./sessions.ts";
import { evaluate, missingToday, pixelsOf, startDesktop, takePicture } from "./today_desktop.ts";
import {
  type EngineName,
  eventually,
  makeContainer,
  mountsRoot,
  removeContainer,
  script,
  sh,
  startScript,
} from "./world.ts";

/** A container of the engine `engine`. */
interface Container {
  name: string;
  engine: EngineName;
}

/** Of the lab's image, with waypipe 0.9.2; by Incus' client of Debian testing. */
const older: Container = { name: "e2e-today-older", engine: "incus" };

/** Of Debian testing, with a waypipe as new as this host's. */
const newer: Container = { name: "e2e-today-newer", engine: "lxc" };

const missing = missingToday(older.engine, newer.engine);

function test(name: string, fn: () => Promise<void>): void {
  const skipped = missing ? ` (skipped: ${missing})` : "";
  Deno.test({ name: `today: ${name}${skipped}`, ignore: missing !== undefined, fn });
}

const shown = "Open channels: clipboard, sound, look, dialogs; windows by Wayland\n";

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
  ] as const
) {
  test(`attach.ts shows a window by Wayland on ${desktopName}, from ${name}`, async () => {
    await using desktop = await startDesktop(desktopName);
    const { env, titles } = desktop;
    const running = startScript("attach", engine, ["--session=w", name, app], { env });
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
      if (desktopName !== "mutter") {
        const picture = join(env["XDG_RUNTIME_DIR"]!, "picture.png");
        await eventually("the window's picture", async () => {
          await takePicture(desktopName, picture, env);
          return await pixelsOf(green, picture) > 50_000;
        });
      }
    } finally {
      await script("attach", engine, ["--stop", name, "--all"], { env });
    }
    const { code, stderr } = await running.ended;
    assertEquals([code, stderr], [0, `${shown}The session "w" was stopped\n`]);
    // The app's name never came without the container's.
    assertEquals(titles.filter((other) => !other.startsWith(`[${name}] `)), []);
    await nothingLeft(engine, name);
  });
}

test("attach.ts takes X on KWin, and says what KWin leaves in a security context", async () => {
  const { name, engine } = older;
  await using desktop = await startDesktop("KWin");
  const reason = /the compositor, even in a security context, gives every client .*ext_data_control_manager_v1/;
  const refused = await script("attach", engine, ["--display=wayland", name, "true"], { env: desktop.env });
  assertEquals(refused.code, 1, refused.stderr);
  assertMatch(refused.stderr, new RegExp(`Wayland cannot show this: ${reason.source}`));
  const auto = await script("attach", engine, [name, "true"], { env: desktop.env });
  assertEquals(auto.code, 1, auto.stderr);
  assertMatch(auto.stderr, new RegExp(`There is no X display, .*: ${reason.source}`));
  assertEquals(desktop.titles, []);
  await nothingLeft(engine, name);
});

test("hostile: sway's image capture sources give a container no picture", async () => {
  const { name, engine } = newer;
  await using desktop = await startDesktop("sway");
  const { env } = desktop;
  const picture = join(env["XDG_RUNTIME_DIR"]!, "picture.png");
  // grim 1.5 takes it by such a source where it can.
  await takePicture("sway", picture, env);
  assert((await Deno.stat(picture)).size > 0);
  const offered = await script("attach", engine, [name, "sh -c 'wayland-info >share/offered'"], { env });
  assertEquals([offered.code, offered.stderr], [0, shown]);
  const share = join(mountsRoot, name, "share");
  const globals = await Deno.readTextFile(join(share, "offered"));
  assertStringIncludes(globals, "ext_output_image_capture_source_manager_v1");
  assert(!globals.includes("ext_image_copy_capture_manager_v1"), globals);
  const refused = await script("attach", engine, [name, "grim share/picture.png"], { env });
  assertEquals(refused.code, 1, refused.stderr);
  assertStringIncludes(refused.stderr, "doesn't support the screen capture protocol");
  assertEquals([...Deno.readDirSync(share)].map((entry) => entry.name), ["offered"]);
  await nothingLeft(engine, name);
});

test("the containers are removed", async () => {
  await Promise.all([older, newer].map(({ name, engine }) => removeContainer(engine, name)));
});
