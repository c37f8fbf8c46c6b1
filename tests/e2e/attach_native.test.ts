// What makes a window of attach.ts look and feel like one of the host's own, on a display of the test's own where it
// needs one.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { startProcess } from "../../lib/base/process.ts";
import { eventually, inContainer, mountsRoot, root, script, sh, startScript } from "./run.ts";
import { inSession, needed, output, testOnOneEngine } from "./sessions.ts";
import { windowWith, withDisplay, xWindows } from "./windows.ts";
import { type EngineName, shareContainer } from "./world.ts";

const nameOn = shareContainer("native");

/** A file of the share, when it is there with something in it. */
async function shared(engine: EngineName, file: string): Promise<string> {
  const path = join(mountsRoot, nameOn(engine), "share", file);
  return await eventually(
    `the file "${file}" of the app`,
    async () => await Deno.readTextFile(path).catch(() => "") || undefined,
  );
}

testOnOneEngine("attach.ts shows the app's own class and icon, and nothing of xpra's", needed, async (engine) => {
  const name = nameOn(engine);
  await withDisplay(async (env) => {
    // xterm brings an icon of its own.
    const attach = startScript("attach", engine, [name, "xterm -T plain -class Special -name special -e sleep 600"], {
      env,
    });
    const window = await windowWith(`\\[${name}\\] plain`, { env });
    // Nothing of xpra's own is shown beside it.
    assertEquals(
      await xWindows(".", { show: "titles", env }),
      [`[${name}] plain`],
    );
    const properties = await sh(["xprop", "-id", window, "WM_CLASS", "_NET_WM_ICON", "_GTK_FRAME_EXTENTS"], { env });
    assertStringIncludes(properties, `WM_CLASS(STRING) = "${name}.special", "${name}.Special"\n`);
    assertStringIncludes(properties, "_NET_WM_ICON(CARDINAL) = \tIcon (");
    // What a header bar or a shadow of its own would have.
    assertMatch(
      properties,
      /_GTK_FRAME_EXTENTS:\s+(?:not found|no such atom)|_GTK_FRAME_EXTENTS\(CARDINAL\) = 0, 0, 0, 0/,
    );
    await script("attach", engine, ["--stop", name, "--all"]);
    const { stderr } = await attach.ended;
    assertEquals(stderr, `Open channels: clipboard, sound, look, dialogs\nThe session "xterm" was stopped\n`);
  });
});

for (
  const { layout, typed } of [
    // The keys of a US keyboard with "y", "[", ";", "-" and "a" on them.
    { layout: "de", typed: "züößa" },
    { layout: "ru", typed: "нхж-ф" },
  ] as const
) {
  testOnOneEngine(
    `attach.ts hands on what is typed on a keyboard with the layout "${layout}"`,
    needed,
    async (engine) => {
      const name = nameOn(engine);
      await withDisplay(async (env) => {
        await sh(["setxkbmap", layout], { env });
        await inContainer(engine, name, "rm -f share/typed share/ready");
        // Keys count once xpra's client has noticed that the window has the keyboard.
        const app = `xterm -u8 -T ${layout} -e sh -c '
          while read -r line && [ -z "$line" ]; do touch share/ready; done; printf %s "$line" >share/typed'`;
        const attach = startScript("attach", engine, [name, app], { env });
        const window = await windowWith(`\\[${name}\\] ${layout}`, { env });
        await sh(["xdotool", "windowactivate", "--sync", window], { env });
        await eventually("the keyboard", async () => {
          await sh(["xdotool", "key", "Return"], { env });
          return await Deno.lstat(join(mountsRoot, name, "share", "ready"));
        });
        // Key codes, as a keyboard sends them: the layout gives them their meaning.
        await sh(["xdotool", "key", "--delay", "60", "29", "34", "47", "20", "38", "36"], { env });
        assertEquals(await shared(engine, "typed"), typed);
        await attach.ended;
      });
    },
  );
}

testOnOneEngine("attach.ts gives an app the host's resolution and monitors", needed, async (engine) => {
  const name = nameOn(engine);
  await withDisplay(async (env) => {
    await sh(["xrdb", "-merge"], { env, stdin: { text: "Xft.dpi: 192\n" } });
    await sh(["xrandr", "--setmonitor", "left", "800/211x900/238+0+0", "screen"], { env });
    await sh(["xrandr", "--setmonitor", "right", "800/211x900/238+800+0", "none"], { env });
    await Deno.remove(join(mountsRoot, name, "share", "display")).catch(() => {});
    const look = "xrdb -query >share/display.new; xdpyinfo >>share/display.new; mv share/display.new share/display; " +
      "sleep 2; xrandr --listmonitors >share/monitors; exec sleep 600";
    const attach = startScript("attach", engine, [name, `sh -c 'xclock & ${look}'`], { env });
    const display = await shared(engine, "display");
    assertMatch(display, /^Xft\.dpi:\s+192$/m);
    // The screen is described in whole millimetres.
    assertMatch(display, /^\s+resolution:\s+19[23]x19[23] dots per inch$/m);
    assertMatch(display, /^\s+dimensions:\s+1600x900 pixels/m);
    assertMatch(await shared(engine, "monitors"), /^Monitors: 2$/m);
    await script("attach", engine, ["--stop", name, "--all"]);
    await attach.ended;
  });
});

testOnOneEngine("attach.ts: the app's screen grows and shrinks with the host's", needed, async (engine) => {
  const name = nameOn(engine);
  await withDisplay(async (env) => {
    const resize = async (size: string): Promise<void> => {
      const [width = "", height = ""] = size.split("x");
      const mode = [size, "0", width, "0", "0", width, height, "0", "0", height];
      await sh(["xrandr", "--newmode", ...mode], { env });
      await sh(["xrandr", "--addmode", "screen", size], { env });
      await sh(["xrandr", "--output", "screen", "--mode", size], { env });
    };
    await resize("1024x768");
    const inside = (shell: string): Promise<string> => inSession(engine, name, "grow", shell);
    const attach = startScript("attach", engine, ["--session=grow", name, "xterm -T grown -e sleep 600"], { env });
    const window = await windowWith(`\\[${name}\\] grown`, { env });
    // What Xvfb has painted of the largest screen is given back.
    const memory = await inside(
      "awk '/^Pss:/ { print $2 }' /proc/$(pgrep -f '^Xvfb.*gui-container-grow')/smaps_rollup",
    );
    assert(Number(memory) < 80_000, `Xvfb takes ${memory} kB`);
    for (const [size, x, y] of [["1500x880", 1300, 700], ["1100x800", 900, 600]] as const) {
      await resize(size);
      const area = `_NET_WORKAREA(CARDINAL) = 0, 0, ${size.replace("x", ", ")}`;
      await eventually(`a screen of ${size}`, async () => await inside("xprop -root _NET_WORKAREA") === area);
      assertMatch(await inside("xdpyinfo"), new RegExp(`dimensions: +${size} pixels`));
      await sh(["xdotool", "windowmove", window, `${x - 200}`, `${y - 100}`, "mousemove", `${x}`, `${y}`], { env });
      await eventually(`the pointer at ${x}, ${y}`, async () => {
        await sh(["xdotool", "mousemove_relative", "1", "1", "mousemove_relative", "--", "-1", "-1"], { env });
        return (await inside("xdotool getmouselocation")).startsWith(`x:${x} y:${y} `);
      });
    }
    await script("attach", engine, ["--stop", name, "--all"]);
    await attach.ended;
  });
});

testOnOneEngine("attach.ts: a window that was minimized comes back to where it was", needed, async (engine) => {
  const name = nameOn(engine);
  await withDisplay(async (env) => {
    const attach = startScript("attach", engine, ["--session=mini", name, "xterm -T mini -e sleep 600"], { env });
    const window = await windowWith(`\\[${name}\\] mini`, { env });
    const placeOf = (text: string): string =>
      /Absolute upper-left X:\s+(-?\d+)\n.*Absolute upper-left Y:\s+(-?\d+)/.exec(text)!.slice(1).join();
    const places = async (): Promise<string[]> =>
      [
        await sh(["xwininfo", "-id", window], { env }),
        await inSession(engine, name, "mini", "xwininfo -name mini"),
      ].map(placeOf);
    const isState = async (state: string): Promise<boolean> =>
      (await sh(["xprop", "-id", window, "WM_STATE"], { env })).includes(`window state: ${state}`);
    const [before] = await places();
    await sh(["xdotool", "windowmove", window, "302", "240"], { env });
    const at = await eventually("the same new place on both sides", async () => {
      const [here, there] = await places();
      return here === there && here !== before ? here : undefined;
    });
    for (const round of ["once", "twice"]) {
      await sh(["xdotool", "windowminimize", window], { env });
      await eventually("a minimized window", () => isState("Iconic"));
      await eventually(
        "no window in the session",
        async () => (await inSession(engine, name, "mini", "xwininfo -name mini")).includes("IsUnMapped"),
      );
      await sh(["xdotool", "windowactivate", window], { env });
      await eventually("the window", () => isState("Normal"));
      await eventually(
        "the window in the session",
        async () => (await inSession(engine, name, "mini", "xwininfo -name mini")).includes("IsViewable"),
      );
      // What the animation reports comes within this time.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      assertEquals(await places(), [at, at], round);
    }
    await script("attach", engine, ["--stop", name, "--all"]);
    await attach.ended;
  });
});

testOnOneEngine(
  "attach.ts shows the title that an app gives a window just after it has opened it",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    await withDisplay(async (env) => {
      const file = "retitled_windows.py";
      await Deno.copyFile(join(root, "tests/e2e", file), join(mountsRoot, name, "share", file));
      const attach = startScript("attach", engine, ["--session=titles", name, `python3 share/${file} 60`], { env });
      await eventually("60 windows", async () => (await xWindows(`\\[${name}\\] .*app`, { env })).length === 60, {
        timeoutMs: 120_000,
      });
      await eventually(
        "60 new titles",
        async () => (await xWindows(`\\[${name}\\] file - app`, { env })).length === 60,
        { timeoutMs: 20_000 },
      );
      await script("attach", engine, ["--stop", name, "--all"]);
      await attach.ended;
    });
  },
);

testOnOneEngine("attach.ts resizes windows, and drags within them reach the app", needed, async (engine) => {
  const name = nameOn(engine);
  const app = `xterm -T dragged -e sh -c 'printf "some-word\\n"; exec sleep 600'`;
  const attach = startScript("attach", engine, ["--session=drag", name, app]);
  const window = await windowWith(`\\[${name}\\] dragged`);
  const sizeOf = (text: string): string => /Width: (\d+)\n\s*Height: (\d+)/.exec(text)?.slice(1).join("x") ?? "";
  await eventually("the same new size on both sides", async () => {
    // A window that has just come up is still given its first size.
    await sh(["xdotool", "windowsize", window, "700", "400", "sleep", "0.5"]);
    const inside = sizeOf(await inSession(engine, name, "drag", "xwininfo -name dragged"));
    // xterm is as large as whole letters are.
    return sizeOf(await sh(["xwininfo", "-id", window])) === "700x400" && /^(69|70)\dx(38|39|40)\d$/.test(inside);
  });
  await sh(["xdotool", "windowactivate", "--sync", window]);
  const drag = [
    "mousemove",
    "--window",
    window,
    "4",
    "8",
    "mousedown",
    "1",
    "mousemove",
    "--window",
    window,
    "350",
    "9",
  ];
  await eventually("what was dragged over, as the app's selection", async () => {
    await sh(["xdotool", ...drag, "sleep", "0.2", "mouseup", "1"]);
    return await inSession(engine, name, "drag", "timeout 2 xclip -selection primary -out || true") === "some-word";
  });
  await script("attach", engine, ["--stop", name, "--all"]);
  assertEquals((await attach.ended).code, 0);
});

testOnOneEngine(
  "attach.ts: the middle button pastes what is selected on the host, which the app does not get before",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    await withDisplay(async (env) => {
      await inContainer(engine, name, "rm -f share/pasted");
      const app = "xterm -T paste -e sh -c 'stty -icanon; head -c 8 >share/pasted'";
      const attach = startScript("attach", engine, ["--session=paste", name, app], { env });
      const window = await windowWith(`\\[${name}\\] paste`, { env });
      const host = startProcess(["xterm", "-T", "of the host", "-geometry", "40x5+900+500", "-e", "sleep", "60"], {
        env,
      });
      await sh(["xdotool", "windowactivate", "--sync", await windowWith("of the host", { env })], { env });
      await sh(["xclip", "-selection", "primary", "-in"], { stdin: { text: "selected" }, output: "discard", env });
      const read = "timeout 2 xclip -selection primary -out 2>/dev/null || true";
      await eventually("no selection there", async () => await inSession(engine, name, "paste", read) === "");
      await sh(["xdotool", "mousemove", "--window", window, "40", "40", "sleep", "0.3", "click", "2"], { env });
      assertEquals(await shared(engine, "pasted"), "selected");
      host.kill("SIGTERM");
      await Promise.all([attach.ended, host.ended]);
    });
  },
);

testOnOneEngine("attach.ts shows a menu of the app, which goes with its window", needed, async (engine) => {
  const name = nameOn(engine);
  await withDisplay(async (env) => {
    const attach = startScript("attach", engine, [name, "xterm -T menu -geometry 60x10+100+100 -e sleep 600"], { env });
    const window = await windowWith(`\\[${name}\\] menu`, { env });
    const menus = async (): Promise<number> => {
      const tree = await sh(["xwininfo", "-root", "-children"], { env });
      const ids = [...tree.matchAll(/^ +(0x[0-9a-f]+) .* (\d+)x(\d+)\+/gm)].filter(([, , width, height]) =>
        Number(width) > 50 && Number(height) > 100
      );
      const shown = await Promise.all(
        ids.map(([, id]) => output(["env", `DISPLAY=${env.DISPLAY}`, "xwininfo", "-id", id!, "-all"])),
      );
      return shown.filter((text) => /Override Redirect State: yes/.test(text) && /IsViewable/.test(text)).length;
    };
    const before = await menus();
    await sh(["xdotool", "windowactivate", "--sync", window], { env });
    await sh(["xdotool", "mousemove", "--window", window, "40", "40", "keydown", "ctrl", "mousedown", "1"], { env });
    await eventually("xterm's menu", async () => await menus() === before + 1);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assertEquals(await menus(), before + 1, "it stays");
    await sh(["xdotool", "windowmove", window, "1100", "600"], { env });
    await eventually("no menu where the window has been", async () => await menus() === before);
    await sh(["xdotool", "mouseup", "1", "keyup", "ctrl"], { env });
    await script("attach", engine, ["--stop", name, "--all"]);
    await attach.ended;
  });
});

/**
 * Prints the picture of the pointer: with a number, that of this glyph of X's cursor font, over a window of its own.
 */
const pointerScript = `
import sys
import time
from Xlib import X, display
from Xlib.ext import xfixes
connection = display.Display()
connection.xfixes_query_version()
root = connection.screen().root
if len(sys.argv) > 1:
    font = connection.open_font("cursor")
    glyph = int(sys.argv[1])
    cursor = font.create_glyph_cursor(font, glyph, glyph + 1, (0, 0, 0), (65535, 65535, 65535))
    window = root.create_window(1500, 800, 50, 50, 0, X.CopyFromParent, override_redirect=True, cursor=cursor)
    window.map()
    window.warp_pointer(25, 25)
    connection.sync()
    time.sleep(0.3)
image = connection.xfixes_get_cursor_image(root)
print(image.width, image.height, image.xhot, image.yhot, list(image.cursor_image))
`;

/** Names of pointers in X's cursor font, and the glyphs that they are (cursorfont.h). */
const pointers = { watch: "150", xterm: "152" };

testOnOneEngine("attach.ts gives the pointer the shape that the app gives it", needed, async (engine) => {
  const name = nameOn(engine);
  await withDisplay(async (env) => {
    const look = (...args: string[]): Promise<string> => sh(["python3", "-c", pointerScript, ...args], { env });
    for (const [shape, glyph] of Object.entries(pointers)) {
      const app = `xterm -T pointer -xrm 'XTerm*pointerShape: ${shape}' -e sleep 600`;
      // The host's theme has pictures of its own for these shapes.
      const attach = startScript("attach", engine, ["--deny=look", name, app], { env });
      const window = await windowWith(`\\[${name}\\] pointer`, { env });
      const expected = await look(glyph);
      await eventually(`the pointer "${shape}"`, async () => {
        await sh(["xdotool", "mousemove", "--window", window, "40", "40", "mousemove_relative", "5", "5"], { env });
        return await look() === expected;
      });
      await script("attach", engine, ["--stop", name, "--all"]);
      await attach.ended;
    }
  });
});

testOnOneEngine("attach.ts moves pixels through shared memory, and leaves no file of it", needed, async (engine) => {
  const name = nameOn(engine);
  const xpra = join(mountsRoot, name, "xpra");
  const attach = startScript("attach", engine, [name, "xclock"]);
  await windowWith(`\\[${name}\\] xclock`);
  assertMatch((await script("attach", engine, ["--logs", name, "xclock"])).stdout, /enabled fast write mmap transfers/);
  const names = [...Deno.readDirSync(xpra)].map(({ name }) => name).filter((name) =>
    !/^\.[0-9a-f]{8}$|\.log$/.test(name)
  );
  assertEquals(names.sort(), ["xclock", "xclock~sound"]);
  await inContainer(engine, name, "pkill xclock");
  await attach.ended;
  await eventually(
    "nothing of the session",
    () => Promise.resolve(![...Deno.readDirSync(xpra)].some(({ name }) => !name.endsWith(".log"))),
  );
});

/**
 * Has the container's xpra look at the file for pixels as the server of 6.6 does before it takes it: a plain file with
 * one name, of the server's user or of the client's, in a directory of one of these or of root's.
 */
const lookAs66 = `
cd "$(python3 -c 'import os, xpra; print(os.path.dirname(xpra.__file__))')/server/source"
sed -i '/^    def init_from(self, _protocol, server)/a\\        self.peer = _protocol._conn.get_raw_socket()' mmap.py
sed -i '/^        mmap, size = init_server_mmap(/i\\        if is_refused(filename, self.peer):\\n            return None' mmap.py
cat >>mmap.py <<'EOF'


def is_refused(path, peer):
    import socket, stat, struct
    uids = os.getuid(), struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
    directory, file = os.stat(os.path.dirname(path)), os.lstat(path)
    reasons = {
        "the directory's uid": directory.st_uid not in (0, *uids),
        "the directory's mode": directory.st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH,
        "the file's type": not stat.S_ISREG(file.st_mode),
        "the file's names": file.st_nlink != 1,
        "the file's uid": file.st_uid not in uids,
    }
    print("refused for:", *[reason for reason, holds in reasons.items() if holds], flush=True)
    return any(reasons.values())
EOF
test "$(grep -c 'self\\.peer' mmap.py)" = 2
`;

testOnOneEngine(
  "attach.ts moves pixels through shared memory where the server checks the file as xpra 6.6 does, also when it comes back",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    await sh([engine, "exec", name, "--", "/bin/sh", "-ec", lookAs66]);
    const log = join(mountsRoot, name, "xpra", "checked.log");
    await Deno.remove(log).catch(() => {});
    await withDisplay(async (env) => {
      for (const [times, app] of [[1, ["xclock"]], [2, []]] as const) {
        const attach = startScript("attach", engine, ["--session=checked", name, ...app], { env });
        await windowWith(`\\[${name}\\] xclock`, { env });
        const text = await Deno.readTextFile(log);
        assertEquals(text.match(/enabled fast write mmap transfers/g)?.length, times, text);
        attach.kill("SIGINT");
        assertEquals((await attach.ended).code, 130);
      }
    });
    await script("attach", engine, ["--stop", name, "--all"]);
  },
);
