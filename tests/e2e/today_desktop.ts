/** Desktops of today, which a test starts in the host of Debian testing that `deno task lab run --host today` enters. */

import { join } from "@std/path";
import { type RunningProcess, startProcess } from "../../lib/base/process.ts";
import { missingParts, type PartName } from "../lab/state.ts";
import { todayVariable } from "../lab/today.ts";
import { waylandProgram } from "../lab/wayland.ts";
import { eventually, sh } from "./run.ts";
import { makeShared } from "./world.ts";

/** Why tests that need such a desktop cannot run here; undefined when they can. */
function missingToday(...parts: readonly PartName[]): string | undefined {
  const missing = missingParts("today", ...parts);
  if (missing || Deno.env.get(todayVariable)) return missing;
  return "it is for a host of Debian testing: deno task lab run --host today -- deno test -A tests/e2e/today.test.ts";
}

/** A test in the lab's host of Debian testing, which is skipped elsewhere. What the file shares is made first. */
export function testToday(
  name: string,
  fn: (context: Deno.TestContext) => Promise<void>,
  ...parts: readonly PartName[]
): void {
  const missing = missingToday(...parts);
  const skipped = missing ? ` (skipped: ${missing})` : "";
  Deno.test({
    name: `today: ${name}${skipped}`,
    ignore: missing !== undefined,
    async fn(context) {
      await makeShared("lxc");
      await fn(context);
    },
  });
}

/** How each is started, without a screen, and the name of its socket. */
const desktops = {
  "GNOME Shell": {
    argv: ["gnome-shell", "--headless", "--unsafe-mode"].concat(onVirtualMonitor()),
    socket: "wayland-9",
  },
  mutter: { argv: ["mutter", "--headless"].concat(onVirtualMonitor()), socket: "wayland-9" },
  KWin: {
    argv: ["kwin_wayland", "--virtual", "--width=1280", "--height=800", "--no-lockscreen", "--socket=wayland-9"],
    socket: "wayland-9",
  },
  sway: { argv: ["sway", "--config", "/dev/null"], socket: "wayland-1" },
  labwc: { argv: ["labwc"], socket: "wayland-0" },
} as const;

function onVirtualMonitor(): string[] {
  return ["--wayland", "--no-x11", "--virtual-monitor", "1280x800", "--wayland-display", "wayland-9"];
}

/** A desktop that runs, until its end of scope. */
export interface TodayDesktop extends AsyncDisposable {
  /** Its environment. */
  env: Record<string, string>;
  /** The titles that windows have been given, in their order. */
  titles: string[];
}

/**
 * Starts a desktop with a bus of its own, and for GNOME Shell a system bus with mocks of what it asks there.
 *
 * @param onMessage is called with each line of its log of the Wayland protocol
 */
export async function startDesktop(
  name: keyof typeof desktops,
  onMessage: (line: string) => void = () => {},
): Promise<TodayDesktop> {
  const directory = await Deno.makeTempDir({ prefix: "e2e-today-" });
  const running: RunningProcess[] = [];
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  stack.defer(async () => {
    for (const process of running.toReversed()) {
      process.kill("SIGKILL");
      await process.ended;
    }
  });
  const bus = (file: string): string => `unix:path=${join(directory, file)}`;
  const own: Record<string, string> = {
    XDG_RUNTIME_DIR: directory,
    DBUS_SESSION_BUS_ADDRESS: bus("bus"),
    DBUS_SYSTEM_BUS_ADDRESS: bus("system"),
    WLR_BACKENDS: "headless",
    WLR_RENDERER: "pixman",
    WLR_LIBINPUT_NO_DEVICES: "1",
    // So that a test can press keys: see startKeyboard().
    KWIN_WAYLAND_NO_PERMISSION_CHECKS: "1",
  };
  const titles: string[] = [];
  const start = (argv: readonly string[]): void => {
    const line = (text: string): void => {
      const [, title] = /xdg_toplevel#\d+\.set_title\("(.*)"\)$/.exec(text) ?? [];
      if (title !== undefined) titles.push(title);
      onMessage(text);
    };
    running.push(startProcess(argv, { env: { ...own, WAYLAND_DEBUG: "server" }, output: { line } }));
  };
  const isThere = (file: string): Promise<unknown> =>
    eventually(`${name}'s ${file}`, () => Deno.lstat(join(directory, file)).catch(() => undefined));
  for (const file of name === "GNOME Shell" ? ["bus", "system"] : ["bus"]) {
    start(["dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog", `--address=${bus(file)}`]);
    await isThere(file);
  }
  if (name === "GNOME Shell") {
    for (const template of ["logind", "polkitd", "upower"]) {
      start(["python3", "-m", "dbusmock", "--system", "--template", template]);
    }
    for (const owned of ["login1", "PolicyKit1", "UPower"]) {
      await sh(["gdbus", "wait", "--system", "--timeout=30", `org.freedesktop.${owned}`], { env: own });
    }
  }
  const { argv, socket } = desktops[name];
  start(argv);
  await isThere(socket);
  const env: Record<string, string> = { ...own, WAYLAND_DISPLAY: socket };
  if (name === "sway") {
    const ipc = [...Deno.readDirSync(directory)].find((entry) => entry.name.startsWith("sway-ipc."))!;
    env["SWAYSOCK"] = join(directory, ipc.name);
  }
  if (name === "GNOME Shell") {
    // It starts with an overview of all windows, which comes some time after its first answers.
    const isBare = "!Main.layoutManager._startingUp && (Main.overview.hide(), !Main.overview.visible)";
    await eventually(
      "GNOME Shell without its overview",
      async () => /^\(true, 'true'\)$/.test(await evaluate(isBare, env).catch(() => "")),
    );
    // In the one of them where the pointer is, it would open the overview again with the first step of a test.
    await evaluate("Main.layoutManager.hotCorners.splice(0).forEach((corner) => corner?.destroy())", env);
  }
  const resources = stack.move();
  return { env, titles, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** The result of an expression in JavaScript within GNOME Shell, as it prints it. */
export function evaluate(expression: string, env: Record<string, string>): Promise<string> {
  return callShell("org.gnome.Shell", "Eval", [expression], env);
}

/** What a user does: moves the pointer, presses or lets go of a button (1 is the left one), or of a key (an X keysym). */
export type Step = readonly ["move", x: number, y: number] | readonly ["button" | "key", code: number, isDown: boolean];

/** Does something on GNOME Shell. */
export async function act(steps: readonly Step[], env: Record<string, string>): Promise<void> {
  const script = `
    const { Clutter, GLib } = imports.gi;
    const { POINTER_DEVICE, KEYBOARD_DEVICE } = Clutter.InputDeviceType;
    const seat = Clutter.get_default_backend().get_default_seat();
    global.ofTest ??= [POINTER_DEVICE, KEYBOARD_DEVICE].map((type) => seat.create_virtual_device(type));
    const [pointer, keyboard] = global.ofTest;
    const does = {
      move: (...place) => pointer.notify_absolute_motion(GLib.get_monotonic_time(), ...place),
      button: (code, isDown) => pointer.notify_button(GLib.get_monotonic_time(), code, Number(isDown)),
      key: (code, isDown) => keyboard.notify_keyval(GLib.get_monotonic_time(), code, Number(isDown)),
    };
    ${JSON.stringify(steps)}.forEach(([what, ...values], at) =>
      GLib.timeout_add(GLib.PRIORITY_DEFAULT, at * ${stepMs}, () => { does[what](...values); return GLib.SOURCE_REMOVE; }));
  `;
  await evaluate(`(() => { ${script} })()`, env);
  await new Promise((resolve) => setTimeout(resolve, (steps.length + 5) * stepMs));
}

const stepMs = 40;

/** The keyboard of a desktop, until the end of scope. */
export interface Keyboard extends AsyncDisposable {
  /** Presses Return. */
  press(): Promise<void>;
}

const returnKey = 0xff0d;

/** Gives a desktop a keyboard. */
export async function startKeyboard(name: string, env: Record<string, string>): Promise<Keyboard> {
  if (name === "GNOME Shell") {
    const press = (): Promise<void> => act([["key", returnKey, true], ["key", returnKey, false]], env);
    return { press, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const pipe = join(env["XDG_RUNTIME_DIR"]!, "keys");
  await sh(["mkfifo", pipe]);
  const ready = Promise.withResolvers<void>();
  const argv = ["python3", "-c", waylandProgram("keyboard.py"), pipe];
  const process = startProcess(argv, { env, output: { line: () => ready.resolve() } });
  await ready.promise;
  return {
    press: () => Deno.writeTextFile(pipe, "\n"),
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await process.ended;
    },
  };
}

const shellClipboard = "imports.gi.St.Clipboard.get_default()";

/** The types of what is on a desktop's clipboard; none where nothing is. */
export async function clipboardTypes(name: string, env: Record<string, string>): Promise<string[]> {
  const types = `${shellClipboard}.get_mimetypes(imports.gi.St.ClipboardType.CLIPBOARD).join()`;
  const found = name === "GNOME Shell"
    ? evaluate(types, env)
    // It fails where nothing is.
    : sh(["wl-paste", "--list-types"], { env }).catch(() => "");
  return (await found).match(/[\w.+-]+\/[\w.+;=-]+/g) ?? [];
}

/** Puts a text on a desktop's clipboard. */
export async function copyText(name: string, copied: string, env: Record<string, string>): Promise<void> {
  const set = `${shellClipboard}.set_text(imports.gi.St.ClipboardType.CLIPBOARD, ${JSON.stringify(copied)})`;
  await (name === "GNOME Shell"
    ? evaluate(set, env)
    : sh(["sh", "-c", 'wl-copy "$1" >/dev/null 2>&1', "sh", copied], { env }));
}

/** Writes a picture of the whole desktop, as a PNG, by the desktop's own means; on GNOME with the pointer if wanted. */
export async function takePicture(
  name: string,
  file: string,
  env: Record<string, string>,
  { pointer = false } = {},
): Promise<void> {
  if (name !== "GNOME Shell") return void await sh(["grim", file], { env });
  await callShell("org.gnome.Shell.Screenshot", "Screenshot", [String(pointer), "false", file], env);
}

function callShell(
  service: string,
  method: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<string> {
  const path = `/${service.replaceAll(".", "/")}`;
  const destination = ["--session", "--dest", service, "--object-path", path];
  return sh(["gdbus", "call", ...destination, "--method", `${service}.${method}`, ...args], { env });
}

/** How many pixels of a PNG have about this colour, given as `#rrggbb`: GNOME Shell's differ by one. */
export async function pixelsOf(colour: string, file: string): Promise<number> {
  const program = `
import sys, gi
gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf
picture = GdkPixbuf.Pixbuf.new_from_file(sys.argv[1]).add_alpha(False, 0, 0, 0)
pixels = picture.get_pixels()
wanted = bytes.fromhex(sys.argv[2][1:])
near = [bytes(abs(value - own) < 4 for value in range(256)) for own in wanted]
channels = [pixels[at::4].translate(near[at]) for at in range(3)]
print(sum(map(all, zip(*channels))))
`;
  return Number(await sh(["python3", "-c", program, file, colour]));
}
