// Icons of apps in the tray of a Wayland desktop: seen, clicked at, and gone; by a panel of the test's own.

import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { startProcess } from "../../lib/base/process.ts";
import { eventually, inContainer, mountsRoot, root, script, startScript } from "./run.ts";
import { inSession, needed, nothingLeft, testOnOneEngine } from "./sessions.ts";
import { desktop, waylandParts, windowCalled } from "./wayland_desktop.ts";
import { type EngineName, shareContainer } from "./world.ts";

/** What an icon shows, as tray_watcher.py prints it. */
interface Icon {
  Title: string;
  Status: string;
  ItemIsMenu: boolean;
  IconName: string;
  Id: string;
  size: [number, number];
  /** The pixel at its corner, and that in its middle, as ARGB. */
  colours: [string, string];
  menu: [id: number, shown: { label?: string }, menu: unknown][];
}

const nameOn = shareContainer("tray", {
  prepare: async (engine, name) => {
    for (const file of ["tray_app.py", "tray_lines.py"]) {
      const text = await Deno.readTextFile(join(root, "tests/e2e", file));
      await Deno.writeTextFile(join(mountsRoot, name, "share", file), text);
    }
    await inContainer(
      engine,
      name,
      'cd ~/share; mkfifo says; printf "#!/bin/sh\\nexec python3 ~/share/tray_app.py <>~/share/says >~/share/heard\\n" >app; chmod 755 app',
    );
  },
});

/** A bus with a panel on it. */
async function startPanel(): Promise<
  & { env: Record<string, string>; icons: () => [name: string, icon: Icon][]; does: (line: string) => Promise<void> }
  & AsyncDisposable
> {
  const directory = await Deno.makeTempDir({ prefix: "e2e-tray-" });
  const address = `unix:path=${join(directory, "bus")}`;
  const env = { ...desktop(), DBUS_SESSION_BUS_ADDRESS: address };
  const bus = startProcess(["dbus-daemon", "--session", "--nofork", `--address=${address}`], { output: "discard" });
  await eventually("a bus", () => Deno.lstat(join(directory, "bus")));
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const writer = input.writable.getWriter();
  let last: { icons: Record<string, Icon> } | undefined;
  const panel = startProcess(["/usr/bin/python3", "-B", join(root, "tests/e2e/tray_watcher.py")], {
    env,
    stdin: { bytes: input.readable },
    output: { line: (line) => line.startsWith("{") && (last = JSON.parse(line)) },
  });
  await eventually("the panel", () => Promise.resolve(last));
  return {
    env,
    icons: () => Object.entries(last!.icons),
    does: (line) => writer.write(new TextEncoder().encode(`${line}\n`)),
    async [Symbol.asyncDispose]() {
      for (const process of [panel, bus]) {
        process.kill("SIGTERM");
        await process.ended;
      }
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Whether apps of the session find a tray. */
async function hasTray(engine: EngineName, name: string): Promise<boolean> {
  const bus = "dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus";
  const answer = await inSession(engine, name, "t", `${bus}.NameHasOwner string:org.kde.StatusNotifierWatcher`);
  return /boolean (true|false)$/.exec(answer)![1] === "true";
}

/** Has the app of the test do something. */
const says = (engine: EngineName, name: string, line: string): Promise<string> =>
  inContainer(engine, name, 'echo "$1" >~/share/says', line);

testOnOneEngine(
  "attach.ts, Wayland: an app's icon is in the tray, marked, until its channel closes",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const heard = async (): Promise<string[]> =>
      (await Deno.readTextFile(join(mountsRoot, name, "share", "heard"))).trim().split("\n");
    await using panel = await startPanel();
    const { env, icons, does } = panel;
    const args = ["--preset=isolated", "--allow=tray", "--border=#123456", "--session=t", name];
    const running = startScript("attach", engine, [...args, "foot -T tray /home/ubuntu/share/app"], { env });
    await windowCalled(`[${name}] tray`);
    const labels = (): (string | undefined)[] => icons()[0]?.[1].menu.map(([, { label }]) => label) ?? [];
    await eventually("the icon with its menu", () => Promise.resolve(labels().includes("Quit")));
    const [[bus, icon]] = icons() as [[string, Icon]];
    assertEquals({ ...icon, menu: labels() }, {
      Title: `[${name}] Mail ‹b›7‹/b›`,
      Status: "Active",
      ItemIsMenu: false,
      IconName: "",
      Id: `${name}.tray`,
      size: [28, 28],
      colours: ["ff123456", "ffffff00"],
      menu: [`[${name}]`, undefined, "Show", "Mute", undefined, "Quit"],
    });

    await does(`activate("${bus}"); click("${bus}", ${icon.menu[3]![0]})`);
    await eventually("the clicks", async () => (await heard()).length === 4);
    assertEquals(await heard(), ["tray True", "registered", "Activate 0 0", "Event 6 clicked"]);

    await says(engine, name, 'change("Title", "s", "Post"); change_menu([(6, "Delete all")])');
    await eventually("another menu", () => Promise.resolve(labels().includes("Delete all")));
    assertEquals(icons()[0]![1].Title, `[${name}] Post`);
    // The panel may still show the one before.
    await does(`click("${bus}", ${icon.menu[3]![0]}); click("${bus}", ${icons()[0]![1].menu[2]![0]})`);
    await eventually("the click", async () => (await heard()).length > 4);
    assertEquals((await heard()).slice(4), ["Event 6 clicked"]);

    const denied = await script("attach", engine, ["--deny", name, "tray"], { env });
    assertEquals([denied.code, denied.stdout], [0, "t: tray\n"], denied.stderr);
    await eventually("no icon", () => Promise.resolve(icons().length === 0));
    await eventually("no tray for apps", async () => !await hasTray(engine, name));
    await script("attach", engine, ["--stop", name, "--all"], { env });
    assertEquals((await running.ended).code, 0);
    await nothingLeft(engine, name);
  },
);

testOnOneEngine(
  "attach.ts, on both displays: icons go with the run, and come back with the next",
  [...new Set([...waylandParts, ...needed])],
  async (engine) => {
    const name = nameOn(engine);
    await using panel = await startPanel();
    const { env, icons } = panel;
    const count = (count: number): Promise<boolean> =>
      eventually(`${count} icons`, () => Promise.resolve(icons().length === count));
    const app = "/home/ubuntu/share/app";
    for (
      const [display, words, left] of [["wayland", ["foot", app], /without tray/], [
        "x11",
        [app],
        /^Detached/m,
      ]] as const
    ) {
      const args = ["--preset=isolated", "--allow=tray", "--session=t", name];
      const running = startScript("attach", engine, [`--display=${display}`, ...args, "--", ...words], { env });
      await count(1);
      running.kill("SIGINT");
      assertMatch((await running.ended).stderr, left);
      await count(0);
      const again = startScript("attach", engine, args, { env });
      await count(1);
      await script("attach", engine, ["--stop", name, "--all"], { env });
      await again.ended;
      await count(0);
    }
    await nothingLeft(engine, name);
  },
);

testOnOneEngine(
  "attach.ts, Wayland: without a panel, and with the channel closed, apps have no tray",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    await using panel = await startPanel();
    for (const [channels, env] of [["--deny=tray", panel.env], ["--allow=tray", desktop()]] as const) {
      const running = startScript("attach", engine, [
        "--session=t",
        channels,
        "--preset=trusted",
        name,
        "foot -T tray sleep 600",
      ], { env });
      await windowCalled(`[${name}] tray`);
      assertEquals(await hasTray(engine, name), false);
      await script("attach", engine, ["--stop", name, "--all"], { env });
      const { stderr } = await running.ended;
      assertEquals(stderr.includes("; this desktop has no tray\n"), channels === "--allow=tray", stderr);
    }
    assertEquals(panel.icons(), []);
    await nothingLeft(engine, name);
  },
);
