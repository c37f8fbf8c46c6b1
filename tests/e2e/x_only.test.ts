// Apps that know only X, on a Wayland desktop: each in one window, of an X server that comes and goes with it.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { RunningProcess } from "../../lib/base/process.ts";
import { eventually, inContainer, mountsRoot, root, script, sh, startScript } from "./run.ts";
import { nothingLeft, testOnIncus, testOnOneEngine } from "./sessions.ts";
import { desktop, type, waylandParts, windowCalled, windows } from "./wayland_desktop.ts";
import { type EngineName, shareContainer } from "./world.ts";

const nameOn = shareContainer("x-only");

function attach(engine: EngineName, args: readonly string[]): RunningProcess {
  return startScript("attach", engine, args, { env: desktop() });
}

/**
 * Waits for the window of an X server, in which an app has one of this class.
 *
 * @param program after which the server is called
 * @returns its id in sway, and the X display
 */
async function xWindow(
  engine: EngineName,
  name: string,
  appClass: string,
  program = appClass,
): Promise<{ id: number; display: string }> {
  const { id, app_id } = await windowCalled(`[${name}] ${program}`);
  assertEquals(app_id, `${name}.${program.replace(" ", "_")}`);
  const display = await serverDisplay(engine, name);
  // It may come before the app's window does.
  const search = `xdotool search --sync --onlyvisible --class ${appClass}`;
  await inContainer(engine, name, `DISPLAY=${display} ${search} >/dev/null`);
  // Not even another user of the container's, such as root, may connect.
  const other = await sh([engine, "exec", name, "--", "sh", "-c", `DISPLAY=${display} xdpyinfo 2>&1 || true`]);
  assertStringIncludes(other, "unable to open display");
  return { id, display };
}

/** The display of Xwayland, which takes the lowest number. That of the session leads there. */
function serverDisplay(engine: EngineName, name: string): Promise<string> {
  return inContainer(engine, name, "ls -v /tmp/.X11-unix | head -1 | tr X :");
}

const told = "warning: An app that knows only X is shown in one window, ";

testOnIncus(
  "attach.ts, Wayland: an app that knows only X is shown in one window, keys reach it, and it ends clean",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const running = attach(engine, ["--session=x", name, `xterm -e sh -c 'read -r line; echo "$line" >share/typed'`]);
    await xWindow(engine, name, "xterm");
    await type("hunter22\n");
    const { code, stderr } = await running.ended;
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, told);
    assertEquals(await inContainer(engine, name, "cat share/typed"), "hunter22");
    assertEquals(await windows(), []);
    await nothingLeft(engine, name);
  },
);

testOnOneEngine(
  "attach.ts, Wayland: an X server is there for an app that knows only X and for nothing else, until that ends or is closed",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const servers = (): Promise<string> => inContainer(engine, name, "pgrep -l -x 'Xwayland|openbox' || true");
    const app =
      `foot -T both sh -c 'env >share/environment; parec --raw >/dev/null & until [ -e end ]; do sleep 0.1; done'`;
    const running = attach(engine, ["--session=both", name, app]);
    await windowCalled(`[${name}] both`);
    await eventually("a recording", () => inContainer(engine, name, "pgrep -x parec"));
    assertEquals(await servers(), "");
    // libpulse asks an X display for its sound server where the environment is SSH's.
    await script("attach", engine, ["--session=both", "--join", name, "timeout 2 parec --raw"], { env: desktop() });
    assertEquals(await servers(), "");
    for (const end of ["app", "button", "button twice"]) {
      // xterm says which server it has lost.
      const app = end === "button twice" ? "xterm" : "xclock";
      const joined = attach(engine, ["--session=both", "--join", name, app]);
      const { id } = await xWindow(engine, name, app);
      const press = `[con_id=${id}] kill`;
      if (end === "app") await inContainer(engine, name, "pkill -x xclock");
      else await sh(["swaymsg", end === "button" ? press : `${press}; ${press}`], { env: desktop() });
      // The button has the X server ask the app, and twice ends both.
      assertEquals((await joined.ended).code === 0, end === "button");
      await eventually("the server's end", async () => await servers() === "");
      assertEquals((await windows()).map((window) => window.name), [`[${name}] both`]);
    }
    await inContainer(engine, name, "touch end");
    const { code, stderr } = await running.ended;
    assertEquals([code, stderr.split(told).length], [0, 2], stderr);
    await nothingLeft(engine, name);
  },
);

testOnOneEngine(
  "attach.ts, Wayland: an app that knows only X has the keyboard also if it takes that itself, and after its dialog, which ✕ closes first",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    await Deno.copyFile(join(root, "tests/e2e/focus_app.py"), join(mountsRoot, name, "share", "focus_app.py"));
    const running = attach(engine, ["--session=focus", name, "sh -c 'python3 share/focus_app.py >share/typed'"]);
    const { id } = await windowCalled(`[${name}] sh`);
    const display = await serverDisplay(engine, name);
    const focused = (title: string): Promise<unknown> =>
      eventually(`the keyboard in "${title}"`, async () => {
        const asked = `DISPLAY=${display} xdotool getwindowfocus getwindowname 2>/dev/null || true`;
        return await inContainer(engine, name, asked) === title;
      });
    await focused("main");
    await type("ad");
    await focused("dialog");
    await sh(["swaymsg", `[con_id=${id}] kill`], { env: desktop() });
    await focused("main");
    await type("bq");
    assertEquals((await running.ended).code, 0);
    assertEquals(await inContainer(engine, name, "cat share/typed"), "ab");
    await nothingLeft(engine, name);
  },
);

testOnOneEngine(
  "attach.ts, Wayland: an app that knows only X fills its window, also if that changes its size as openbox starts",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const program = "/usr/local/bin/openbox";
    await Deno.copyFile(join(root, "tests/e2e/late_openbox.py"), join(mountsRoot, name, "share", "late_openbox.py"));
    await inContainer(
      engine,
      name,
      `printf '#!/bin/sh\nexec python3 ~/share/late_openbox.py "$@"' >share/late; sudo install -m 755 share/late ${program}`,
    );
    try {
      const running = attach(engine, ["--session=fills", name, "xterm -bw 0"]);
      const { display } = await xWindow(engine, name, "xterm");
      const widths = `export DISPLAY=${display}; xdotool getdisplaygeometry search --class xterm getwindowgeometry`;
      await eventually("a window of xterm's as wide as the screen, but for its frame", async () => {
        const [, screen, window] = /^(\d+) [^]*Geometry: (\d+)x/.exec(await inContainer(engine, name, widths)) ?? [];
        return Number(window) > Number(screen) - 20;
      });
      await script("attach", engine, ["--stop", name, "fills"]);
      await running.ended;
    } finally {
      await inContainer(engine, name, `sudo rm ${program}`);
    }
    await nothingLeft(engine, name);
  },
);

testOnIncus(
  "attach.ts, Wayland: what a terminal starts has an X server if it knows only X, and takes Wayland if it knows both",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const servers = (): Promise<string> => inContainer(engine, name, "pgrep -l -x Xwayland || true");
    const terminal = (session: string, shell: string): RunningProcess =>
      attach(engine, [`--session=${session}`, name, "foot", "-T", session, "-e", "sh", "-c", shell]);
    // xdg-open asks xprop, in whose place a window would open for a moment.
    const asks = terminal("asks", "xprop -root >share/asked 2>&1; foot -T inner sleep 600");
    await windowCalled(`[${name}] inner`);
    assertEquals([await servers(), await inContainer(engine, name, "grep -c 'unable to open display' share/asked")], [
      "",
      "1",
    ]);
    await script("attach", engine, ["--stop", name, "asks"]);
    await asks.ended;

    const running = terminal("starts", "xterm -e sh -c 'read -r line; echo $line >share/typed'");
    await xWindow(engine, name, "xterm", "X apps");
    await type("hunter22\n");
    await eventually("what was typed", () => inContainer(engine, name, "grep -x hunter22 share/typed"));
    const { code, stderr } = await running.ended;
    assertEquals([code, stderr.split(told).length], [0, 2], stderr);
    await nothingLeft(engine, name);
  },
);

testOnIncus(
  "attach.ts, Wayland: says what an app that knows only X needs in a container without Xwayland",
  waylandParts,
  async (engine) => {
    const name = nameOn(engine);
    const move = (from: string, to: string): Promise<unknown> => sh([engine, "exec", name, "--", "mv", from, to]);
    await move("/usr/bin/Xwayland", "/root/Xwayland");
    try {
      const { code, stderr } = await script("attach", engine, [name, "xclock"], { env: desktop() });
      assertEquals(code, 1);
      assertStringIncludes(
        stderr,
        "it knows only X: apt-get install xwayland libdecor-0-plugin-1-cairo openbox in the container",
      );
    } finally {
      await move("/root/Xwayland", "/usr/bin/Xwayland");
    }
    await nothingLeft(engine, name);
  },
);
