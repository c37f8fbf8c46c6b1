// What a hostile container can do on the desktops of today: by a waypipe without the guard, in a security context of the
// compositor's, and by attach.ts. Runs in the lab's host of Debian testing.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { startProcess } from "../../lib/base/process.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { todayOptions } from "../lab/today.ts";
import { waylandProgram } from "../lab/wayland.ts";
import { eventually, inContainer, mountsRoot, script, sh } from "./run.ts";
import { nothingLeft } from "./sessions.ts";
import {
  clipboardTypes,
  copyText,
  type Keyboard,
  pixelsOf,
  startDesktop,
  startKeyboard,
  takePicture,
  testToday,
  type TodayDesktop,
} from "./today_desktop.ts";
import { makeContainer, removeContainer, shareOnEngines } from "./world.ts";

const container = "e2e-today-attacks";
const engine = "lxc";

const desktops = ["sway", "labwc", "KWin", "GNOME Shell"] as const;

/**
 * Without the guard, an attack works: `everywhere`, or only `outside` of the compositor's security context, or it does
 * not. GNOME Shell has no contexts.
 */
type Outcome = "everywhere" | "outside" | "no";

const [everywhere, outside, no] = ["everywhere", "outside", "no"] as const;

/** The attack of which only the host's window knows whether it worked. */
const clicks = "clicks (zwlr_virtual_pointer)";

/** What works without the guard, on each of the desktops in their order. With it, none of it does. */
const attacks: Readonly<Record<string, readonly Outcome[]>> = {
  "reads the clipboard (zwlr_data_control)": [outside, outside, no, no],
  "reads the clipboard (ext_data_control)": [outside, outside, everywhere, no],
  "covers the desktop (zwlr_layer_shell)": [outside, outside, everywhere, no],
  "locks the session (ext_session_lock)": [outside, outside, no, no],
  "is the input method (zwp_input_method_v2)": [outside, outside, no, no],
  [clicks]: [outside, outside, no, no],
  "changes the screen's scale (output management)": [outside, outside, everywhere, no],
  "sees the screen (zwlr_screencopy)": [outside, outside, no, no],
  "sees the screen (ext_image_copy_capture)": [outside, outside, no, no],
  "reads titles (zwlr_foreign_toplevel)": [outside, outside, no, no],
  "reads titles (ext_foreign_toplevel_list)": [outside, outside, no, no],
  "binds a global by its number": [outside, outside, everywhere, outside],
  "sends a message to an object that there is not": [everywhere, everywhere, everywhere, outside],
  "has 100,000 surfaces": [everywhere, everywhere, everywhere, outside],
  "opens files of 48 GiB": [everywhere, everywhere, everywhere, outside],
  "reads the monitor's name": [everywhere, everywhere, everywhere, outside],
  "copies a list of files (wl-copy)": [everywhere, everywhere, everywhere, outside],
  "empties the clipboard (wl-copy)": [everywhere, everywhere, everywhere, outside],
};

/** How a container's attacks reach the compositor. */
type Way = "waypipe" | "waypipe in a context" | "attach.ts";

/** What the host has that is to be had: a window in a colour that nothing else has, and a text on the clipboard. */
const prey = { title: "bank", colour: "d10fa3", secret: "hunter22" };

/** Globals that the guard hides, of which each desktop has one. */
const hidden = ["zwlr_layer_shell_v1", "zwp_keyboard_shortcuts_inhibit_manager_v1"];

shareOnEngines({
  make: () => makeContainer(engine, container, undefined, todayOptions),
  remove: () => removeContainer(engine, container),
});

for (const [index, desktop] of desktops.entries()) {
  testToday(`what a hostile container can do on ${desktop} without the guard, it cannot do with it`, async () => {
    const bare = await attacksThatWork(desktop, "waypipe");
    const context = desktop === "GNOME Shell" ? [] : await attacksThatWork(desktop, "waypipe in a context");
    const guarded = await attacksThatWork(desktop, "attach.ts");
    const found = Object.keys(attacks).map((name) => [
      name,
      context.includes(name) ? everywhere : bare.includes(name) ? outside : no,
    ]);
    assertEquals(found, Object.entries(attacks).map(([name, outcomes]) => [name, outcomes[index]]));
    assertEquals(guarded, []);
  }, engine);
}

// KWin and GNOME Shell leave the pointer in the window by themselves.
for (const name of ["sway", "labwc"] as const) {
  testToday(`a window of a container puts the pointer on one of the host's on ${name}, not by attach.ts`, async () => {
    assertEquals([await trap(name, "waypipe"), await trap(name, "attach.ts")], [true, false]);
  }, engine);
}

/** Runs all attacks on a desktop of their own, which they may spoil. */
async function attacksThatWork(name: typeof desktops[number], way: Way): Promise<string[]> {
  await using desktop = await startDesktop(name);
  const loot = { ...await attackWindow(way, { name, desktop }), ...await copy(way, { name, desktop }) };
  return Object.keys(loot).filter((attack) => loot[attack]);
}

/** Runs the attacks on what the host shows and has copied. */
async function attackWindow(
  way: Way,
  { name, desktop: { env, titles } }: { name: typeof desktops[number]; desktop: TodayDesktop },
): Promise<Record<string, boolean>> {
  const clicked = join(env["XDG_RUNTIME_DIR"]!, "clicked");
  const terminal = ["foot", "-T", "starting", "-o", `colors-dark.background=${prey.colour}`, "sh", "-c"];
  // The window has its title when it reads clicks.
  const readClick = `stty raw; printf '\\033[?1000h\\033]2;%s\\007' "$2"; head -c1 >"$1"; sleep 600`;
  const running = [[...terminal, readClick, "sh", clicked, prey.title], ["wl-copy", "--foreground", prey.secret]]
    .map((argv) => startProcess(argv, { env }));
  try {
    await eventually("the host's window", () => Promise.resolve(titles.includes(prey.title)));
    if (attacks["reads the clipboard (ext_data_control)"]![desktops.indexOf(name)] !== no) {
      await eventually("the text on the clipboard", async () => await sh(["wl-paste"], { env }) === prey.secret);
    }
    if (attacks["sees the screen (zwlr_screencopy)"]![desktops.indexOf(name)] !== no) {
      const picture = join(env["XDG_RUNTIME_DIR"]!, "screen.png");
      await eventually("the window's colour", async () => {
        await takePicture(name, picture, env);
        return await pixelsOf(`#${prey.colour}`, picture) > 10_000;
      });
    }
    const loot = await attack(way, { env, wanted: { ...prey, ...await hostGlobals(env) } });
    if (loot[clicks]) {
      await eventually("the click", () => Deno.lstat(clicked).then(({ size }) => size > 0, () => false));
    }
    return loot;
  } finally {
    for (const process of running) {
      process.kill("SIGKILL");
      await process.ended;
    }
  }
}

/**
 * Shows one of the container's windows that moves the pointer: beside a window of the host's on sway, before it on labwc.
 *
 * @returns whether a click that the user means for the container's window is in the host's
 */
async function trap(name: "sway" | "labwc", way: Way): Promise<boolean> {
  await using desktop = await startDesktop(name);
  const { env, titles } = desktop;
  const [clicked, pipe] = ["clicked", "pointer"].map((name) => join(env["XDG_RUNTIME_DIR"]!, name)) as [string, string];
  await sh(["mkfifo", pipe]);
  const pointer = startProcess(["python3", "-c", waylandProgram("pointer.py"), pipe], { env });
  using keys = await Deno.open(pipe, { read: true, write: true });
  const does = (line: string): Promise<number> => keys.write(new TextEncoder().encode(`${line}\n`));
  const readClick = `stty raw; printf '\\033[?1000h\\033]2;%s\\007' "$2"; head -c1 >"$1"; sleep 600`;
  const terminal = ["foot", "--maximized", "-T", "starting", "sh", "-c"];
  const host = startProcess([...terminal, readClick, "sh", clicked, prey.title], { env });
  const isShown = (title: string): Promise<unknown> =>
    eventually(title, () => Promise.resolve(titles.some((shown) => shown.includes(title))));
  try {
    await does("100 300");
    await isShown(prey.title);
    const running = attackBy(way, { env, wanted: { trap: true } });
    await isShown("trap");
    await eventually("the pointer in the container's window", async () => {
      for (const step of [0, 1]) await does(`${{ sway: 960, labwc: 640 }[name] + step} 400`);
      return titles.some((shown) => shown.includes("entered"));
    });
    await isShown("sprung");
    await does("click");
    await running;
    return await Deno.lstat(clicked).then(({ size }) => size > 0);
  } finally {
    for (const process of [pointer, host]) {
      process.kill("SIGKILL");
      await process.ended;
    }
  }
}

/** A global that the guard hides, with its number on this desktop, and the name of its monitor. */
async function hostGlobals(
  env: Record<string, string>,
): Promise<{ number: Record<string, number>; monitor: string }> {
  const info = await sh(["wayland-info"], { env });
  const monitor = /interface: 'wl_output'[^]*?^\tname: (.+)$/m.exec(info)![1]!;
  for (const name of hidden) {
    const [, number] = new RegExp(`interface: '${name}'.*name: *(\\d+)`).exec(info) ?? [];
    if (number) return { number: { [name]: Number(number) }, monitor };
  }
  throw new Error(`no global of ${hidden.join()}`);
}

/** By this type a file manager takes files, to copy or to move them. */
const fileList = "x-special/gnome-copied-files";

/** What an app does at each key that the user presses in its window. */
const steps = {
  text: "wl-copy text",
  files: `printf 'cut\\nfile:///home' | wl-copy --type ${fileList}`,
  clear: "wl-copy --clear",
} as const;

/** How long what is not to work has, in milliseconds. What works is waited for. */
const notMs = 1_000;

/** Whether an attack is to work. */
function works(attack: string, way: Way, name: typeof desktops[number]): boolean {
  const outcome = attacks[attack]![desktops.indexOf(name)];
  return way !== "attach.ts" && (outcome === everywhere || outcome === outside && way === "waypipe");
}

const [copiesFiles, clears] = ["copies a list of files (wl-copy)", "empties the clipboard (wl-copy)"] as const;

/**
 * Has an app copy things while the user works in its window, and looks what comes of that on the host. A text gets there
 * whichever way it goes.
 */
async function copy(
  way: Way,
  { name, desktop: { env, titles } }: { name: typeof desktops[number]; desktop: TodayDesktop },
): Promise<Record<string, boolean>> {
  await using keyboard = await startKeyboard(name, env);
  const types = (): Promise<string[]> => clipboardTypes(name, env);
  const become = (attack: string | undefined, isSo: (types: string[]) => boolean): Promise<boolean> => {
    const options = attack === undefined || works(attack, way, name) ? {} : { timeoutMs: notMs };
    return eventually("the clipboard", async () => isSo(await types()), options).catch(() => false);
  };
  const does = { env, titles, keyboard };
  await copyText(name, prey.secret, env);
  let [text, files, cleared] = [false, false, false];
  await atKeys(way, { ...does, options: [] }, [
    ["text", async () => text = await become(undefined, (types) => types.includes("text/plain"))],
    ["files", async () => files = await become(copiesFiles, (types) => types.includes(fileList))],
  ]);
  await copyText(name, prey.secret, env);
  await atKeys(way, { ...does, options: ["--preset=isolated"] }, [
    ["clear", async () => cleared = await become(clears, (types) => types.length === 0)],
  ]);
  assertEquals(text, true);
  return { [copiesFiles]: files, [clears]: cleared };
}

/** Shows an app in which the user presses a key for each step, and looks after it. */
async function atKeys(
  way: Way,
  { env, titles, keyboard, options }: {
    env: Record<string, string>;
    titles: string[];
    keyboard: Keyboard;
    options: readonly string[];
  },
  looks: readonly (readonly [keyof typeof steps, () => Promise<unknown>])[],
): Promise<void> {
  const done = join(mountsRoot, container, "share", "steps");
  await Deno.remove(done).catch(() => {});
  const lines = looks.map(([step]) => `read _; echo key >>~/share/steps; ${steps[step]}; echo ${step} >>~/share/steps`);
  // What wl-copy leaves behind serves what was copied.
  const app = `printf '\\033]2;copier\\007'; ${lines.join("; ")}; read _; pkill wl-copy; true`;
  const command = ["foot", "-T", "starting", "sh", "-c", app];
  const shown = titles.length;
  const running = way === "attach.ts"
    ? script("attach", engine, ["--deny=dialogs", ...options, container, "--", ...command], { env })
    : byHand(way, { env, command, sockets: join(mountsRoot, container, "xpra") });
  let isOver = false;
  const over = running.finally(() => isOver = true);
  over.catch(() => {});
  /** The first key may come before the window has the keyboard. */
  const pressUntil = (what: string, isDone: () => Promise<boolean>): Promise<true> =>
    eventually(what, async () => {
      await keyboard.press();
      return await eventually(what, isDone, { timeoutMs: 5_000 }).catch(() => false as const);
    });
  const hasLines = async (count: number): Promise<boolean> =>
    (await Deno.readTextFile(done)).split("\n").length > count;
  try {
    const isShown = (): boolean => titles.slice(shown).some((title) => title.includes("copier"));
    await eventually("the app's window", () => Promise.resolve(isShown()));
    for (const [index, [step, look]] of looks.entries()) {
      await pressUntil(`a key to copy ${step}`, () => hasLines(2 * index + 1));
      await eventually(step, () => hasLines(2 * index + 2));
      await look();
    }
    await pressUntil("the app's end", () => Promise.resolve(isOver));
  } finally {
    if (!isOver) await inContainer(engine, container, "pkill foot");
  }
  await over;
}

/** What the attacks say of themselves. */
async function attack(
  way: Way,
  options: { env: Record<string, string>; wanted: object },
): Promise<Record<string, boolean>> {
  const stderr = await attackBy(way, options);
  if (way === "attach.ts") {
    assertEquals(stderr.split("\n").filter((line) => line.startsWith("warning: An app is cut off")).length, 4);
  }
  return JSON.parse(await Deno.readTextFile(join(mountsRoot, container, "share", "loot")));
}

/** Runs the attacks. Returns what attach.ts says. */
async function attackBy(
  way: Way,
  { env, wanted }: { env: Record<string, string>; wanted: object },
): Promise<string> {
  const [share, sockets] = [join(mountsRoot, container, "share"), join(mountsRoot, container, "xpra")];
  await Deno.writeTextFile(join(share, "attacks.py"), waylandProgram("wayland_attacks.py"));
  await Deno.remove(join(share, "loot")).catch(() => {});
  const command = ["sh", "-c", 'python3 ~/share/attacks.py "$1" >~/share/loot', "sh", JSON.stringify(wanted)];
  if (way !== "attach.ts") {
    await byHand(way, { env, command, sockets });
    return "";
  }
  const { code, stderr } = await script("attach", engine, ["--deny=dialogs", container, "--", ...command], { env });
  assertEquals(code, 0);
  await nothingLeft(engine, container);
  return stderr;
}

/** Runs a command in the container behind a waypipe that is started as its manual page has it. */
async function byHand(
  way: Way,
  { env, command, sockets }: { env: Record<string, string>; command: readonly string[]; sockets: string },
): Promise<void> {
  const waypipe = ["waypipe", "--no-gpu", "--compress=none"];
  const socket = join(sockets, "by-hand");
  const context = way === "waypipe" ? [] : ["--secctx=e2e"];
  const client = startProcess([...waypipe, ...context, "--socket", socket, "client"], { env });
  try {
    await eventually("waypipe", () => Deno.lstat(socket).catch(() => undefined));
    await Deno.chmod(socket, 0o666);
    const server = [...waypipe, "--socket", "/home/ubuntu/.xpra/by-hand", "server", "--"];
    await inContainer(engine, container, quoteWords([...server, ...command]));
  } finally {
    client.kill("SIGKILL");
    await client.ended;
    await Deno.remove(socket);
  }
}
