// Desktops of today: which way windows are shown on each, and that they are. Runs in the lab's host of Debian testing.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { boxStart, prepareBoxes } from "../../lib/attach/box/box.ts";
import { type Host, realHost } from "../../lib/base/host.ts";
import { startProcess } from "../../lib/base/process.ts";
import { terminalUi } from "../../lib/base/ui.ts";
import { mountsIn } from "../../lib/container/paths.ts";
import { sshArgv } from "../../lib/container/ssh.ts";
import { ubuntuUser } from "../../lib/container/user.ts";
import { todayOptions } from "../lab/today.ts";
import { eventually, inContainer, mountsRoot, script, sh, startScript } from "./run.ts";
import { nothingLeft } from "./sessions.ts";
import { act, evaluate, pixelsOf, startDesktop, type Step, takePicture, testToday } from "./today_desktop.ts";
import { type EngineName, makeContainer, removeContainer, shareOnEngines, testPart } from "./world.ts";

/** A container of the engine `engine`. */
interface Container {
  name: string;
  engine: EngineName;
}

/** Of the lab's image, with waypipe 0.9.2; by Incus' client of Debian testing. */
const older: Container = { name: "e2e-today-older", engine: "incus" };

/** Of Debian testing, with a waypipe as new as this host's. */
const newer: Container = { name: "e2e-today-newer", engine: "lxc" };

function test(name: string, fn: (context: Deno.TestContext) => Promise<void>): void {
  testToday(name, fn, older.engine, newer.engine);
}

const shown = "Open channels: clipboard, sound, look; windows over Wayland\n";

/** A terminal in a colour that nothing else has. */
const green = "#00c000";
const app = `foot -T title sh -c 'printf "\\033]11;${green}\\007"; sleep 600'`;

/** The colour of a container's border, as its record has it from the first run on. */
function colourOf(name: string): Promise<string> {
  const record = `${mountsRoot}/${name}/container.json`;
  return eventually("the colour of the border", async () => {
    return JSON.parse(await Deno.readTextFile(record)).border?.colour as string | undefined;
  });
}

/** The host, as a script sees it that says nothing. */
function todayHost(): Host {
  const { signal } = new AbortController();
  return realHost({ ui: terminalUi({ quiet: true, json: false, yes: true, signal }), signal, verbose: false });
}

shareOnEngines({
  make: () =>
    Promise.all([
      makeContainer(older.engine, older.name),
      makeContainer(newer.engine, newer.name, undefined, todayOptions),
    ]),
  remove: () => Promise.all([older, newer].map(({ name, engine }) => removeContainer(engine, name))),
});

test("GTK loads pictures, for which it makes boxes by bubblewrap, in attach.ts's own box and in a container", async () => {
  const program = `
import gi
gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf
print(GdkPixbuf.Pixbuf.new_from_file("/usr/share/pixmaps/debian-logo.png").get_width())`;
  const boxed = (await prepareBoxes(todayHost()))([...boxStart({ HOME: "/tmp" }), "--", "python3", "-c", program], {
    output: "capture",
  });
  const [onHost, inBox, inside] = await Promise.all([
    sh(["python3", "-c", program]),
    boxed.ended,
    inContainer(newer.engine, newer.name, 'python3 -c "$1"', program),
  ]);
  assertEquals([onHost, inBox.stdout, inside], ["48", "48\n", "48"], inBox.stderr);
  // It says so when it makes none: no program in our box may make another.
  assertStringIncludes(inBox.stderr, "Glycin running without sandbox");
});

test("ssh takes the options of the scripts without a word", async () => {
  const target = { name: "box", address: "10.0.0.5", user: ubuntuUser, mounts: mountsIn(todayHost(), "box") };
  const [ssh, ...words] = sshArgv(target, ["true"], { mayAsk: false });
  const { stderr } = await startProcess([ssh!, "-G", ...words], { output: "capture" }).ended;
  assertEquals(stderr, "");
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
  test(`attach.ts shows a window over Wayland on ${desktopName}, from ${name}`, async () => {
    await using desktop = await startDesktop(desktopName);
    const { env, titles } = desktop;
    // The guard draws a border, whatever frame the desktop draws.
    const ownBorder = desktopName === "sway" ? "#0a0bff" : undefined;
    const words = [name, app, `--border=${ownBorder ? `${ownBorder},6` : "auto"}`];
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
        const border = ownBorder ?? await colourOf(name);
        assert(await pixelsOf(border, picture) > 3_000);
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

const control = 0xffe3;
const escape = 0xff1b;

/** Presses keys together. */
const press = (...keys: number[]): Step[] => [
  ...keys.map((key) => ["key", key, true] as const),
  ...keys.toReversed().map((key) => ["key", key, false] as const),
];

const letter = (char: string): number => char.charCodeAt(0);
const selectAll = press(control, letter("a"));

const click = (x: number, y: number, button = 1): Step[] => [
  ["move", x, y],
  ["button", button, true],
  ["button", button, false],
];

/** The window of this title on GNOME Shell, in JavaScript. */
const windowTitled = (title: string): string =>
  `global.get_window_actors().map((actor) => actor.meta_window).find((window) => window.title === '${title}')`;

/** Where a window on GNOME Shell is, as numbers that an expression makes of its frame, once it has the focus and stays. */
async function settledFrame(window: string, numbers: string, env: Record<string, string>): Promise<number[]> {
  const read = `(() => { const { x, y, width, height } = ${window}.get_frame_rect();
    return ${window}.has_focus() && ${numbers}.map(Math.round).join(" "); })()`;
  let last = "";
  return await eventually("the window with the focus, and where it stays", async () => {
    const before = last;
    last = await evaluate(read, env);
    const found = /"(-?\d+(?: -?\d+)+)"/.exec(last)?.[1];
    return last === before && found?.split(" ").map(Number);
  });
}

test("a GTK app of a container is used on GNOME Shell as one of the host's", async (context) => {
  const { name, engine } = older;
  await using desktop = await startDesktop("GNOME Shell");
  const { env } = desktop;
  const share = join(mountsRoot, name, "share");
  await Deno.copyFile(new URL("fields_app.py", import.meta.url), join(share, "fields_app.py"));
  const app = ["sh", "-c", "cd share && exec python3 fields_app.py fields"];
  const words = ["--deny=dialogs", "--session=w", name, "--", ...app];
  const running = startScript("attach", engine, words, { env });
  const js = (expression: string): Promise<string> => evaluate(expression, env);
  const fields = async (): Promise<string[]> => (await Deno.readTextFile(join(share, "fields"))).split("\n");
  const fieldHas = (index: number, text: string): Promise<unknown> =>
    eventually(`the text "${text}"`, async () => (await fields().catch(() => []))[index]?.includes(text));
  const picture = join(env["XDG_RUNTIME_DIR"]!, "picture.png");
  const shows = (what: string, colour: string): Promise<unknown> =>
    eventually(what, async () => {
      await takePicture("GNOME Shell", picture, env);
      return await pixelsOf(colour, picture) > 2_000;
    });
  const clipboard = "imports.gi.St.Clipboard.get_default()";
  try {
    const window = windowTitled(`[${name}] fields`);
    const border = await colourOf(name);
    await shows("the border of the window", border);
    const [x, y, height] = await settledFrame(window, "[x, y, height]", env) as [number, number, number];
    const [first, second] = [[x + 60, y + height - 300], [x + 60, y + height - 100]] as const;
    await testPart(context, "keys are typed into the field that is clicked", async () => {
      await act([...click(...first), ..."abc".split("").flatMap((char) => press(letter(char)))], env);
      await fieldHas(0, "abc").catch(async (error) => {
        throw new Error(`fields with ${await fields()}`, { cause: error });
      });
      assertEquals((await fields()).slice(0, 2), ["abc", ""]);
    });
    await testPart(context, "the clipboard carries text in both directions", async () => {
      await act([...selectAll, ...press(control, letter("c"))], env);
      await js(`${clipboard}.get_text(imports.gi.St.ClipboardType.CLIPBOARD, (_, text) => { global.copied = text; })`);
      await eventually("a copied text", async () => (await js("global.copied")).includes('"abc"'));
      await js(`${clipboard}.set_text(imports.gi.St.ClipboardType.CLIPBOARD, "from the host ")`);
      await js(`${clipboard}.set_text(imports.gi.St.ClipboardType.PRIMARY, " selected there")`);
      await act([...click(...second), ...press(control, letter("v"))], env);
      await fieldHas(1, "from the host ");
      assertEquals((await fields()).slice(0, 2), ["abc", "from the host "]);
    });
    await testPart(context, "the middle button pastes what is selected on the host", async () => {
      await act(click(...second, 2), env);
      await fieldHas(1, " selected there");
    });
    await testPart(context, "text is dragged from one field to the other", async () => {
      const left = x + 14;
      const isDown = (down: boolean): Step => ["button", 1, down];
      const way = Array.from(
        { length: 8 },
        (_, at): Step => ["move", left, Math.round(first[1] + at * (second[1] - first[1]) / 7)],
      );
      await act([...click(...first), ...selectAll, way[0]!, isDown(true), ...way, way.at(-1)!, isDown(false)], env);
      await fieldHas(1, "abc");
    });
    await testPart(context, "a menu opens at the right button", async () => {
      await act(click(...second, 3), env);
      await shows("the menu", "#d10fa3");
      await act(press(escape), env);
    });
    await testPart(context, "a window that the desktop makes larger keeps its border", async () => {
      const before = (await fields())[2];
      await js(`${window}.move_resize_frame(true, 100, 100, 640, 500)`);
      await eventually("a larger window", async () => (await fields())[2] !== before);
      await shows("its border", border);
    });
  } finally {
    await script("attach", engine, ["--stop", name, "--all"], { env });
  }
  assertEquals((await running.ended).code, 0);
  await nothingLeft(engine, name);
});

test("files that are dragged out of a window on GNOME Shell come to the downloads where they are let go, not at Escape", async () => {
  const { name, engine } = older;
  await using desktop = await startDesktop("GNOME Shell");
  const { env } = desktop;
  const downloads = await Deno.makeTempDir();
  const share = join(mountsRoot, name, "share");
  const files = ["given-up", "let-go"];
  for (const file of files) await Deno.writeTextFile(join(share, file), file);
  await Deno.copyFile(new URL("drag_app.py", import.meta.url), join(share, "drag_app.py"));
  const apps = files.map((file) => `python3 share/drag_app.py /home/ubuntu/share/${file}`).join("; ");
  const words = ["--deny=dialogs", "--allow=files", "--session=w", name, "--", "sh", "-c", `${apps}; exit 0`];
  const running = startScript("attach", engine, words, { env: { ...env, XDG_DOWNLOAD_DIR: downloads } });
  try {
    const said = async (what: string): Promise<number> =>
      (await Deno.readTextFile(join(mountsRoot, name, "xpra/w.log"))).split("\n").filter((line) => line === what)
        .length;
    for (const [count, end] of ([["key", escape, true], ["button", 1, false]] as const).entries()) {
      const middle = "[x + width / 2, y + height / 2]";
      const [x, y] = await settledFrame(windowTitled(`[${name}] files`), middle, env) as [number, number];
      const near = Array.from({ length: 10 }, (_, at): Step => ["move", x - 4 * at, y]);
      const away = Array.from({ length: 10 }, (_, at): Step => ["move", Math.round(x - 40 - at * (x - 80) / 9), y]);
      await act([near[0]!, ["button", 1, true], ["button", 1, false]], env);
      await act([near[0]!, ["button", 1, true], ...near], env);
      await eventually("a drag", async () => await said("drags") > count);
      // Until the guard takes it for out of the app's windows.
      await act([...away, ...away.slice(-1), ...Array<Step>(9).fill(away.at(-1)!), end], env);
      await eventually("the end of the drag", async () => await said("failed") > count);
      if (count === 0) {
        await act([["key", escape, false], ["button", 1, false]], env);
        await inContainer(engine, name, "pkill -f '[g]iven-up$'");
      }
    }
    const kept = (): string[] => [...Deno.readDirSync(downloads)].map((file) => file.name).toSorted();
    await eventually("the file", () => Promise.resolve(kept().includes("let-go")));
    assertEquals(kept(), ["let-go"]);
  } finally {
    await script("attach", engine, ["--stop", name, "--all"], { env });
    await Deno.remove(downloads, { recursive: true });
  }
  assertEquals((await running.ended).code, 0);
  await nothingLeft(engine, name);
});
