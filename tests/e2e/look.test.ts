// The look and language of the host in a container, over X and over Wayland, and input methods: the container's own on X,
// the host's on Wayland.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { bundledCloudConfigs } from "../../lib/create/bundled.ts";
import { parseYaml } from "../../lib/base/yaml.ts";
import { type RunningProcess, startProcess } from "../../lib/base/process.ts";
import { waylandProgram } from "../lab/wayland.ts";
import { eventually, inContainer, mountsRoot, script, sh, startScript } from "./run.ts";
import { inSession, needed, nothingLeft, testOnOneEngine } from "./sessions.ts";
import { startSway, waylandParts } from "./wayland_desktop.ts";
import { windowWith, withDisplay } from "./windows.ts";
import { type EngineName, makeContainer, removeContainer, shareOnEngines } from "./world.ts";

const nameOn = (engine: EngineName): string => `e2e-look-${engine}`;

/**
 * What a container needs for the look of the host below: the locale, and a theme whose every pointer is a red square.
 */
const setUp = `
localedef -i de_DE -f UTF-8 de_DE.UTF-8
mkdir -p /usr/share/icons/e2e-red/cursors
cd /usr/share/icons/e2e-red/cursors
python3 -c '
import struct
side = 40
head = b"Xcur" + struct.pack("<III", 16, 0x10000, 1) + struct.pack("<III", 0xFFFD0002, side, 28)
image = struct.pack("<IIIIIIIII", 36, 0xFFFD0002, side, 1, side, side, 0, 0, 0) + b"\\0\\0\\xff\\xff" * side * side
open("crosshair", "wb").write(head + image)
'
for name in left_ptr default text xterm; do ln -s crosshair $name; done
`;

/** Puts files into the shared directory. */
async function share(name: string, files: Record<string, string>): Promise<void> {
  for (const [file, text] of Object.entries(files)) {
    await Deno.writeTextFile(join(mountsRoot, name, "share", file), text);
  }
}

/** Waits for a file of the shared directory with something in it, and takes it away. */
async function shared(name: string, file: string): Promise<string> {
  const path = join(mountsRoot, name, "share", file);
  const text = await eventually(file, async () => await Deno.readTextFile(path) || undefined);
  await Deno.remove(path);
  return text;
}

/** The environment of a host whose user has chosen all of the look, and where its settings are. */
async function hostWith(
  settings: Record<string, string>,
): Promise<{ env: Record<string, string> } & AsyncDisposable> {
  const directory = await Deno.makeTempDir({ prefix: "e2e-look-" });
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  await Deno.mkdir(join(directory, "glib-2.0", "settings"), { recursive: true });
  await Deno.writeTextFile(
    join(directory, "glib-2.0", "settings", "keyfile"),
    `[org/gnome/desktop/interface]\n${lines.join("")}`,
  );
  return {
    env: {
      XDG_CONFIG_HOME: directory,
      GSETTINGS_BACKEND: "keyfile",
      XCURSOR_THEME: "",
      XCURSOR_SIZE: "",
      TZ: "Asia/Tokyo",
      LANG: "de_DE.UTF-8",
      LC_ALL: "",
      LC_MESSAGES: "",
    },
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

const chosen = {
  "color-scheme": "'prefer-dark'",
  "cursor-size": "40",
  "cursor-theme": "'e2e-red'",
  "font-name": "'DejaVu Serif 13'",
};

const taken = {
  font: "DejaVu Serif 13",
  cursor: "e2e-red",
  size: 40,
  dark: true,
  locale: "de_DE.UTF-8",
  zone: "JST",
};

/** Prints width, height and the colours of the pointer on the display, as XFixes has it. */
const pointer = `
import ctypes
class Image(ctypes.Structure):
    _fields_ = [(n, ctypes.c_short) for n in "xy"] + [(n, ctypes.c_ushort) for n in ("width", "height", "xhot", "yhot")] + [
        ("serial", ctypes.c_ulong), ("pixels", ctypes.POINTER(ctypes.c_ulong))]
x, fixes = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXfixes.so.3")
x.XOpenDisplay.restype, fixes.XFixesGetCursorImage.restype = ctypes.c_void_p, ctypes.POINTER(Image)
image = fixes.XFixesGetCursorImage(ctypes.c_void_p(x.XOpenDisplay(None))).contents
print(image.width, image.height, *{hex(image.pixels[i] & 0xffffffff) for i in range(image.width * image.height)})
`;

shareOnEngines({
  make: async (engine) => {
    // Of the input methods one is enough, without fonts.
    const recipe = parseYaml("input-method.yaml", bundledCloudConfigs["input-method"]!) as { packages: string[] };
    recipe.packages = recipe.packages.filter((word) => /^fcitx5(-frontend-gtk3|-pinyin)?$/.test(word));
    await makeContainer(engine, nameOn(engine), `#cloud-config\n${JSON.stringify(recipe)}\n`);
    await sh([engine, "exec", nameOn(engine), "--", "sh", "-ec", setUp]);
    await share(nameOn(engine), { "look.py": await Deno.readTextFile(new URL("look.py", import.meta.url)) });
  },
  remove: (engine) => removeContainer(engine, nameOn(engine)),
});

testOnOneEngine("an app on X has the host's pointer, font, colours, language and time zone", needed, async (engine) => {
  const name = nameOn(engine);
  await using host = await hostWith(chosen);
  const files = (): Promise<string> =>
    inContainer(engine, name, "find .config .local -type f 2>/dev/null | grep -E 'gtk|glib|dconf' || true");
  const before = await files();
  await withDisplay(async (display) => {
    const env = { ...host.env, ...display };
    const attach = startScript("attach", engine, ["--session=look", name, "python3 share/look.py"], { env });
    assertEquals(JSON.parse(await shared(name, "look")), { ...taken, backend: "X11Display" });
    const window = await windowWith(`\\[${name}\\] look`, { env });
    await eventually("the red square of the theme", async () => {
      await sh(["xdotool", "mousemove", "--window", window, "200", "150"], { env });
      return await inSession(engine, name, "look", `python3 -c '${pointer}'`) === "40 40 0xffff0000";
    });
    const joined = await script("attach", engine, ["--join", "--session=look", name, "sh -c 'date +%Z >share/joined'"]);
    assertEquals([joined.code, await shared(name, "joined")], [0, "JST\n"], joined.stderr);
    await script("attach", engine, ["--stop", name, "--all"]);
    await attach.ended;
  });
  assertEquals(await files(), before, "no setting of the user's in the container has come");
  // What the container's user has chosen comes first.
  await inContainer(
    engine,
    name,
    "mkdir -p .config/gtk-3.0; printf '[Settings]\\ngtk-font-name=Own 9\\n' >.config/gtk-3.0/settings.ini",
  );
  const own = await script("attach", engine, ["--display=x11", "--detached", name, "python3 share/look.py"], host);
  assertEquals(own.code, 0, own.stderr);
  assertEquals(JSON.parse(await shared(name, "look")), { ...taken, backend: "X11Display", font: "Own 9" });
  await inContainer(engine, name, "rm -r .config/gtk-3.0");
  await script("attach", engine, ["--stop", name, "--all"]);
  await nothingLeft(engine, name);
});

testOnOneEngine(
  "an app hears when the host becomes dark or light, also when it is shown again",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    await using host = await hostWith({ "color-scheme": "'prefer-dark'" });
    const choose = (scheme: string): Promise<string> =>
      sh(["gsettings", "set", "org.gnome.desktop.interface", "color-scheme", scheme], { env: host.env });
    const portal = "dbus-send --session --print-reply=literal --dest=org.freedesktop.portal.Desktop " +
      "/org/freedesktop/portal/desktop org.freedesktop.portal.Settings.Read";
    const read = (namespace: string): Promise<string> =>
      inSession(engine, name, "look", `${portal} string:${namespace} string:color-scheme`).catch(() => "");
    const becomes = (number: number): Promise<unknown> =>
      eventually(
        `the colours ${number}`,
        async () => (await read("org.freedesktop.appearance")).includes(`uint32 ${number}`),
      );
    await withDisplay(async (display) => {
      const env = { ...host.env, ...display };
      const show = (...words: string[]): RunningProcess =>
        startScript("attach", engine, ["--session=look", name, ...words], { env });
      const attach = show("xclock");
      await windowWith(`\\[${name}\\] xclock`, { env });
      await becomes(1);
      await inSession(
        engine,
        name,
        "look",
        "dbus-monitor --session path=/org/freedesktop/portal/desktop,member=SettingChanged >share/heard 2>&1 &",
      );
      // The host's end wakes an agent that nobody has needed for a while.
      const asking = "dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus / " +
        "org.freedesktop.DBus.NameHasOwner string:org.freedesktop.impl.portal.desktop.guicontainer";
      await eventually(
        "the end of the agent",
        async () => (await inSession(engine, name, "look", asking)).includes("false"),
      );
      await choose("prefer-light");
      await becomes(2);
      assertStringIncludes(await read("org.gnome.desktop.interface"), "prefer-light");
      await choose("default");
      await becomes(0);
      const heard = join(mountsRoot, name, "share/heard");
      const both = /appearance"\n.*\n +variant +uint32 2\n[^]*appearance"\n.*\n +variant +uint32 0\n/;
      await eventually("what the app hears", async () => both.test(await Deno.readTextFile(heard)));
      await Deno.remove(heard);
      attach.kill("SIGINT");
      await attach.ended;
      await choose("prefer-dark");
      const again = show();
      await windowWith(`\\[${name}\\] xclock`, { env });
      await becomes(1);
      await script("attach", engine, ["--stop", name, "--all"]);
      await again.ended;
    });
    await nothingLeft(engine, name);
  },
);

testOnOneEngine(
  "a session has nothing of a look that is closed, strange, or not in its container",
  needed,
  async (engine) => {
    const name = nameOn(engine);
    const app = `sh -c 'echo "$TZ $LANG $XCURSOR_THEME $XDG_CONFIG_DIRS $GSETTINGS_SCHEMA_DIR" >share/environment'`;
    const environment = async (args: readonly string[], env: Record<string, string>): Promise<string> => {
      const { code, stderr } = await script("attach", engine, ["--detached", ...args, name, app], { env });
      assertEquals(code, 0, stderr);
      return await shared(name, "environment");
    };
    {
      await using host = await hostWith(chosen);
      assertEquals(await environment(["--preset=isolated"], host.env), " C.UTF-8   \n");
      assertStringIncludes(
        await environment(["--preset=isolated", "--allow=look"], host.env),
        "Asia/Tokyo de_DE.UTF-8 e2e-red ",
      );
      const foreign = { ...host.env, TZ: "Mars/Olympus", LANG: "tlh_UK.UTF-8" };
      assertStringIncludes(await environment([], foreign), " C.UTF-8 e2e-red /run/user/1000/");
    }
    const evil = "x'; touch share/pwned; echo '";
    await using host = await hostWith({
      "font-name": `"${evil} 11"`,
      "cursor-theme": `"a\\n[Settings]\\ngtk-modules=pwned"`,
      "color-scheme": "'default'",
      "cursor-size": "9999",
    });
    const hostile = { ...host.env, TZ: evil, LANG: evil, XCURSOR_THEME: evil, XCURSOR_SIZE: "$(touch share/pwned)" };
    assertEquals(await environment([], hostile), " C.UTF-8   \n");
    assertEquals(await inContainer(engine, name, "ls share"), "look.py");
    await nothingLeft(engine, name);
  },
);

testOnOneEngine("the input method of the container makes Chinese of keys, on X", needed, async (engine) => {
  const name = nameOn(engine);
  await withDisplay(async (env) => {
    const terminal = `xterm -T terminal -e sh -c 'read -r line; echo "$line" >share/line'`;
    const attach = startScript("attach", engine, ["--session=im", name, terminal], {
      // fcitx5 5.1.12 serves Xlib's apps in no locale C.
      env: { ...env, LANG: "de_DE.UTF-8", LC_ALL: "" },
    });
    await windowWith(`\\[${name}\\] terminal`, { env });
    const joined = startScript("attach", engine, ["--join", name, "python3 share/look.py"], { env });
    const type = async (title: string, ...keys: string[]): Promise<void> => {
      const window = await windowWith(`\\[${name}\\] ${title}`, { env });
      await sh(["xdotool", "windowactivate", "--sync", window], { env });
      await eventually("the input method turned on", async () => {
        await sh(["xdotool", "key", "ctrl+space"], { env });
        await new Promise((resolve) => setTimeout(resolve, 200));
        // 0: it is not there yet, 1: off, 2: on.
        return await inSession(engine, name, "im", "fcitx5-remote || true") === "2";
      });
      for (const key of [..."nihao", ...keys]) await sh(["xdotool", "key", key], { env });
    };
    await type("look", "space");
    await eventually(
      "Chinese in GTK's field",
      () => Deno.readTextFile(join(mountsRoot, name, "share/typed")).then((text) => text === "你好", () => false),
    );
    await type("terminal", "space");
    await sh(["xdotool", "key", "Return"], { env });
    assertEquals(await shared(name, "line"), "你好\n");
    for (const file of ["look", "typed"]) await shared(name, file);
    await script("attach", engine, ["--stop", name, "--all"]);
    await Promise.all([attach.ended, joined.ended]);
  });
  // What it has learned it writes to the disk before it ends.
  await eventually(
    "the end of the input method",
    async () => await inContainer(engine, name, "pgrep fcitx5 || true") === "",
  );
  await nothingLeft(engine, name);
});

testOnOneEngine(
  "an app on Wayland has the host's look, and what an input method of the host's commits",
  [...needed, ...waylandParts],
  async (engine) => {
    const name = nameOn(engine);
    await using host = await hostWith(chosen);
    await using own = await startSway();
    const env = { ...own.env, ...host.env };
    const pipe = join(env["XDG_RUNTIME_DIR"]!, "keyboard");
    await sh(["mkfifo", pipe]);
    const programs: RunningProcess[] = [];
    const start = async (argv: readonly string[]): Promise<void> => {
      const ready = Promise.withResolvers<void>();
      const program = startProcess(["python3", "-c", ...argv], {
        env,
        output: { line: (line) => line === "ready" && ready.resolve() },
      });
      programs.push(program);
      await Promise.race([
        ready.promise,
        program.ended.then(({ stderr }) => Promise.reject(new Error(stderr))),
      ]);
    };
    try {
      // Without a keyboard no window gets the focus.
      await start([waylandProgram("keyboard.py"), pipe]);
      await start([waylandProgram("input_method.py"), "日本\n"]);
      const look = startScript("attach", engine, ["--display=wayland", "--session=w", name, "python3 share/look.py"], {
        env,
      });
      const told = await Promise.race([
        shared(name, "look"),
        look.ended.then(({ code, stderr }) => {
          throw new Error(`The app has ended before it told its look: exit status ${code}: ${stderr}`);
        }),
      ]);
      assertEquals(JSON.parse(told), { ...taken, backend: "GdkWaylandDisplay" });
      assertEquals((await shared(name, "typed")).trim(), "日本");
      assertEquals((await script("attach", engine, ["--stop", name, "w"])).code, 0);
      assertEquals((await look.ended).code, 0);
      const foot = `foot sh -c 'read -r line; echo "$line $(date +%Z)" >share/foot'`;
      const shown = await script("attach", engine, ["--display=wayland", name, foot], { env, timeoutMs: 20_000 });
      assertEquals([shown.code, await shared(name, "foot")], [0, "日本 JST\n"], shown.stderr);
      await nothingLeft(engine, name);
    } finally {
      for (const program of programs) program.kill("SIGTERM");
      await Promise.all(programs.map(({ ended }) => ended));
    }
  },
);
