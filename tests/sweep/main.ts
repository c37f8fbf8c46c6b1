/**
 * `deno task sweep [--native] [--windows] [WORD…]`: opens programs of Debian's, all or those whose package or toolkit has
 * one of the words in it, from a container on a sway and an X display of its own, or on its GNOME Shell in the host of
 * today, where the container is there already. With `--native`, on two desktops in the container, without the scripts.
 * In each program it opens a menu, types, opens a dialog and closes the window, and says what came of that; with
 * `--windows`, it looks at the first windows only. A step counts where the picture changes: look at the pictures, whose
 * place it prints. The container, `sweep`, stays.
 */

import { join } from "@std/path";
import { runProcess, startProcess } from "../../lib/base/process.ts";
import { todayVariable } from "../lab/today.ts";
import { waylandProgram } from "../lab/wayland.ts";
import { eventually, inContainer, script, sh, startScript } from "../e2e/run.ts";
import { act, evaluate, startDesktop, type Step, takePicture } from "../e2e/today_desktop.ts";
import { startSway, windows } from "../e2e/wayland_desktop.ts";
import { withDisplay } from "../e2e/windows.ts";
import { makeContainer } from "../e2e/world.ts";
import { type Program, programs } from "./programs.ts";

const engine = "incus";
const name = "sweep";
const isNative = Deno.args.includes("--native");
const isToday = Deno.env.get(todayVariable) !== undefined;

/** How many bytes of a picture a step changes, and no cursor that blinks. */
const minChange = 400;

/** How long a window with another title may be the first one, in milliseconds: it says that the program starts. */
const maxSplash = 10_000;

/** A desktop, and what is done on it. */
interface Desktop {
  name: string;
  /** Starts a program there; the promise ends with it, and says how. */
  start(command: string, session: string): { ended: Promise<string>; stop(): Promise<unknown> };
  /** Its windows: ids and titles. */
  windows(): Promise<[id: string, title: string][]>;
  press(key: string): Promise<unknown>;
  type(text: string): Promise<unknown>;
  /** Writes its picture to a file, with as many bytes for each pixel. */
  picture(file: string): Promise<unknown>;
  /** Asks a window to close, as the button in its title bar does. */
  close(id: string): Promise<unknown>;
  /** How many bytes of two pictures differ. */
  compare(one: string, other: string): Promise<number>;
}

/** Runs a shell script where a desktop is. */
type Run = (shell: string, ...args: string[]) => Promise<string>;

const compare = (run: Run): Desktop["compare"] => async (one, other) =>
  Number(await run('cmp -l "$1" "$2" 2>/dev/null | wc -l', one, other));

function onSway(run: Run): Omit<Desktop, "name" | "start"> {
  return {
    compare: compare(run),
    windows: async () => (await windows(await run("swaymsg -t get_tree"))).map(({ id, name }) => [`${id}`, name]),
    press: (key) => run(`printf '\\1%s\\2' "$1" >"$XDG_RUNTIME_DIR/keys"; sleep 0.1`, key),
    type: (text) => run(`printf %s "$1" >"$XDG_RUNTIME_DIR/keys"; sleep 0.5`, text),
    picture: (file) => run('grim -t ppm "$1"', file),
    close: (id) => run('swaymsg "[con_id=$1] kill"', id),
  };
}

function onX(run: Run): Omit<Desktop, "name" | "start"> {
  const list = `for id in $(xprop -root _NET_CLIENT_LIST | grep -o '0x[0-9a-f]*'); do
    echo "$id $(xdotool getwindowname "$id" 2>/dev/null)"; done`;
  return {
    compare: compare(run),
    windows: async () => [...(await run(list)).matchAll(/^(\S+) (.*)$/gm)].map(([, id, title]) => [id!, title!]),
    press: (key) => run('xdotool key "$1"', key),
    type: (text) => run('xdotool type --delay 40 "$1"', text),
    picture: (file) => run('until import -silent -window root "ppm:$1" 2>/dev/null; do sleep 0.1; done', file),
    close: (id) => run('xdotool windowactivate "$1" key alt+F4', id),
  };
}

const keysyms: Record<string, number> = {
  Return: 0xff0d,
  Escape: 0xff1b,
  Tab: 0xff09,
  Down: 0xff54,
  F1: 0xffbe,
  F7: 0xffc4,
  F10: 0xffc7,
  Shift_L: 0xffe1,
  ctrl: 0xffe3,
  alt: 0xffe9,
  shift: 0xffe1,
  comma: 0x2c,
  slash: 0x2f,
  grave: 0x60,
};

function onShell(env: Record<string, string>): Omit<Desktop, "name" | "start"> {
  const tap = (keys: readonly string[]): Promise<void> => {
    const to = (isDown: boolean) => (key: string): Step => ["key", keysyms[key] ?? key.charCodeAt(0), isDown];
    return act([...keys.map(to(true)), ...keys.toReversed().map(to(false))], env);
  };
  const all = "global.get_window_actors().map(({ meta_window }) => meta_window)";
  const toRaw = `import sys, gi
gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf
picture = GdkPixbuf.Pixbuf.new_from_file(sys.argv[1] + ".png").add_alpha(False, 0, 0, 0)
open(sys.argv[1], "wb").write(picture.get_pixels())`;
  return {
    compare: compare((shell, ...args) => sh(["sh", "-ec", shell, "sh", ...args])),
    windows: async () => {
      const shown =
        `encodeURIComponent(JSON.stringify(${all}.map((window) => [String(window.get_id()), window.title])))`;
      return JSON.parse(decodeURIComponent(/"(.*)"/.exec(await evaluate(shown, env))![1]!));
    },
    press: (key) => tap(key.split("+")),
    type: async (text) => {
      for (const char of text) await tap([char]);
    },
    picture: async (file) => {
      await takePicture("GNOME Shell", `${file}.png`, env);
      await sh(["python3", "-c", toRaw, file]);
    },
    close: (id) => evaluate(`${all}.find((window) => window.get_id() === ${id}).delete(0)`, env),
  };
}

/** How a program is started from the container, as its user does: without an option. */
function byAttach(env: Record<string, string>): Desktop["start"] {
  return (command, session) => {
    const attach = startScript("attach", engine, [`--session=${session}`, name, command], { env });
    const ended = attach.ended.then(({ code, stderr }) => `exit status ${code} ${stderr.trim().split("\n").at(-1)}`);
    return {
      ended,
      stop: async () => {
        await script("attach", engine, ["--stop", name, session]);
        attach.kill("SIGTERM");
        await ended;
      },
    };
  };
}

/** What the desktops in the container run with. */
const inside: Readonly<Record<string, string>> = {
  XDG_RUNTIME_DIR: "/tmp/sweep",
  SWAYSOCK: "/tmp/sweep/sway",
  WLR_BACKENDS: "headless",
  WLR_RENDERER: "pixman",
  WLR_LIBINPUT_NO_DEVICES: "1",
  HOME: "/home/ubuntu/native",
  LANG: "C.UTF-8",
};

/** The two desktops in the container, with a HOME of their own, since sessions run at the same time. */
async function startNative(directory: string): Promise<Desktop[]> {
  const unit = (word: string, env: Record<string, string>, argv: readonly string[], flags = ""): Promise<string> => {
    const set = Object.entries({ ...inside, ...env }).map(([key, value]) => `--setenv=${key}=${value}`);
    const stop =
      `systemctl --user stop sweep-${word} 2>/dev/null || true; mkdir -p -m 700 /tmp/sweep ~/native ${directory}`;
    const start = `${stop}; systemd-run --user --quiet --collect --unit=sweep-${word} ${flags} "$@"`;
    return inContainer(engine, name, start, ...set, "--", ...argv);
  };
  const [sway, x] = [{ WAYLAND_DISPLAY: "wayland-1" }, { DISPLAY: ":77" }];
  const runOn = (env: Record<string, string>): Run => (shell, ...args) => {
    const set = Object.entries({ ...inside, ...env }).map(([key, value]) => `export ${key}='${value}'`).join("; ");
    return inContainer(engine, name, `${set}; ${shell}`, ...args);
  };
  await inContainer(engine, name, "rm -f /tmp/sweep/wayland-1*; printf 'xwayland disable\\n' >/tmp/sway.conf");
  await unit("sway", {}, ["sway", "--config", "/tmp/sway.conf"]);
  await unit("x", {}, ["Xvfb", ":77", "-screen", "0", "1600x900x24", "-nolisten", "tcp", "-noreset"]);
  await eventually("a sway in the container", () => runOn(sway)("swaymsg -t get_tree || true"));
  await eventually("an X server in the container", () => runOn(x)("xprop -root >/dev/null 2>&1 && echo 1 || true"));
  await unit("openbox", x, ["openbox", "--sm-disable"]);
  await unit("keyboard", sway, keyboard("/tmp/sweep"));
  const start = (word: string, env: Record<string, string>): Desktop["start"] => (command) => ({
    ended: unit(`app-${word}`, env, ["dbus-run-session", "sh", "-c", command], "--wait").catch(({ message }) =>
      message
    ),
    stop: () => inContainer(engine, name, `systemctl --user stop sweep-app-${word} 2>/dev/null || true`),
  });
  return [
    { name: "native Wayland", start: start("wayland", sway), ...onSway(runOn(sway)) },
    { name: "native X", start: start("x", x), ...onX(runOn(x)) },
  ];
}

/** The keyboard of the lab's sway, with a pipe. */
const keyboard = (directory: string): string[] => {
  const start = 'rm -f "$2"; mkfifo "$2"; exec python3 -c "$1" "$2"';
  return ["sh", "-c", start, "sh", waylandProgram("keyboard.py"), join(directory, "keys")];
};

/** Takes pictures until two are alike, or something in them always moves. */
async function settle(desktop: Desktop, file: string): Promise<void> {
  await desktop.picture(file);
  for (let tries = 0; tries < 8; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 400));
    await desktop.picture(`${file}.next`);
    const change = await desktop.compare(file, `${file}.next`);
    await desktop.picture(file);
    if (change < minChange) return;
  }
}

/** Has programs start as for the first time: what was killed asks whether to go on with what it had. */
const forget = "rm -rf ~/.config/[!p]* ~/.local/share/[!g]* ~/native/.config ~/native/.local";

/** Opens a program on a desktop and works in it: what came of that. */
async function workIn(program: Program, desktop: Desktop, directory: string): Promise<string> {
  await inContainer(engine, name, forget);
  const done: string[] = [];
  const began = performance.now();
  const app = desktop.start(program.command, program.packages.split(" ")[0]!.replaceAll(/\W/g, "-"));
  let end: string | undefined;
  app.ended.then((how) => end = how).catch(() => {});
  const press = async (keys: string): Promise<void> => {
    for (const key of keys.match(/"[^"]*"|\S+/g)!) {
      await (key.startsWith('"') ? desktop.type(key.slice(1, -1)) : desktop.press(key));
    }
  };
  const path = (step: string): string =>
    join(directory, `${program.packages.split(" ")[0]}-${desktop.name.replaceAll(" ", "-")}-${step}`);
  const isMain = new RegExp(`^(\\[${name}\\] )?(${program.title})`);
  let firstAt = Infinity;
  const findWindow = async (): Promise<string | undefined> => {
    const shown = await desktop.windows();
    if (shown.length > 0) firstAt = Math.min(firstAt, performance.now());
    // Some have another title there, as all have in an X server's window, which comes first.
    return (shown.find(([, title]) => isMain.test(title)) ??
      shown[performance.now() - firstAt > maxSplash ? 0 : Infinity])?.[0];
  };
  try {
    const first = await eventually("a window", async () => {
      if (end !== undefined) throw new Error(`it ended: ${end}`);
      return await findWindow();
    }, { timeoutMs: 60_000 });
    done.push(`window ${((performance.now() - began) / 1000).toFixed(1)} s`);
    await desktop.press("Shift_L");
    await settle(desktop, path("window"));
    if (Deno.args.includes("--windows")) {
      return [...done, ...(await desktop.windows()).map(([, title]) => `"${title}"`)].join(", ");
    }
    if (program.first) await press(program.first);
    for (const step of ["menu", "text", "dialog"] as const) {
      if (!program[step]) continue;
      const [before, after] = [path("before"), path(step)];
      await settle(desktop, before);
      const count = (await desktop.windows()).length;
      await press(program[step]);
      const isSeen = await eventually(step, async () => {
        await desktop.picture(after);
        return await desktop.compare(before, after) >= minChange || (await desktop.windows()).length > count;
      }, { timeoutMs: 20_000 }).catch(() => false);
      await settle(desktop, after);
      done.push(isSeen ? step : `NO ${step}`);
      // Qt's menu bar keeps the keyboard after the first.
      await press("Escape Escape");
    }
    await settle(desktop, path("before"));
    // Some put another window in the place of the first.
    const id = await findWindow() ?? first;
    if (!(await desktop.windows()).some(([other]) => other === id)) return [...done, "ended by Escape"].join(", ");
    await desktop.close(id);
    const isGone = async (): Promise<boolean> =>
      end !== undefined || !(await desktop.windows()).some(([other]) => other === id);
    const isClosed = await eventually("its end", isGone, { timeoutMs: 10_000 }).catch(() => false);
    await desktop.picture(path("close"));
    const asks = !isClosed && await desktop.compare(path("before"), path("close")) >= minChange;
    done.push(isClosed ? "close" : asks ? "asks at close" : "NO close");
  } catch (error) {
    done.push(`FAILED: ${(error as Error).message.slice(0, 300)}`);
  } finally {
    await app.stop();
  }
  return done.join(", ");
}

/** Does something with the desktops that are meant. */
async function withDesktops(directory: string, action: (desktops: Desktop[]) => Promise<void>): Promise<void> {
  if (isToday) {
    await using shell = await startDesktop("GNOME Shell");
    return await action([{ name: "GNOME", start: byAttach(shell.env), ...onShell(shell.env) }]);
  }
  if (isNative) return await action(await startNative(directory));
  await using sway = await startSway();
  const runOn = (env: Record<string, string>): Run => (shell, ...args) =>
    sh(["sh", "-ec", shell, "sh", ...args], { env });
  const held = startProcess(keyboard(sway.env["XDG_RUNTIME_DIR"]!), { env: sway.env });
  try {
    await withDisplay((env) =>
      action([
        { name: "Wayland", start: byAttach(sway.env), ...onSway(runOn(sway.env)) },
        { name: "X", start: byAttach(env), ...onX(runOn(env)) },
      ])
    );
  } finally {
    held.kill("SIGKILL");
    await held.ended;
  }
}

const words = Deno.args.filter((word) => !word.startsWith("--"));
const chosen = Object.entries(programs).flatMap(([toolkit, made]) => made.map((program) => ({ toolkit, ...program })))
  .filter(({ packages, toolkit }) =>
    words.length === 0 || words.some((word) => `${packages} ${toolkit}`.includes(word))
  );
const say = (text: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));

if (!isToday) {
  if ((await runProcess([engine, "info", name], { okCodes: "any" })).code !== 0) await makeContainer(engine, name);
  const wanted = [
    "sway",
    "openbox",
    "imagemagick",
    "diffutils",
    ...new Set(chosen.flatMap(({ packages }) => packages.split(" "))),
  ];
  await inContainer(
    engine,
    name,
    `dpkg --status "$@" >/dev/null 2>&1 && exit; sudo apt-get -qq update; sudo DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Options::=--force-unsafe-io \\
      install --no-install-recommends "$@" >/dev/null 2>&1`,
    ...wanted,
  );
}
const directory = isToday ? join(Deno.env.get("HOME")!, "sweep") : "/tmp/gui-container-sweep";
await Deno.mkdir(directory, { recursive: true });
await withDesktops(directory, async (desktops) => {
  for (const program of chosen) {
    for (const desktop of desktops) {
      say(`${program.packages} (${program.toolkit}), ${desktop.name}: ${await workIn(program, desktop, directory)}`);
    }
  }
});
say(`The pictures are in ${directory}`);
