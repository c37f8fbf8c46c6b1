/**
 * Takes the pictures and the film of the documents again: `deno task pictures [PART...]`, the parts being `film`,
 * `windows`, `menu`, `question`, `dialog`, `lending` and `manage`. They show the real thing, on GNOME in the lab's host of Debian
 * testing. The containers that are made for it are removed again; the images that are kept of them
 * stay for the next time.
 */

import { delay } from "@std/async";
import { dirname, fromFileUrl, join } from "@std/path";
import { type RunningProcess, runProcess, startProcess } from "../../lib/base/process.ts";
import { exists } from "../../lib/base/files.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { labState } from "./state.ts";
import { act, evaluate, startDesktop, takePicture } from "../e2e/today_desktop.ts";
import { eventually } from "../e2e/run.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));
const engine = "incus";
/** How the containers are made. */
const made = ["--yes", "--cache", "--image=gui-lab"] as const;
const containers = ["bank", "web", "notes"] as const;
const docs = join(root, "docs");

/** The longest time that the film waits for something, and how long it shows one caption, in milliseconds. */
const [maxStillMs, partMs] = [700, 2_400];

/** How much of the desktop is shown around a window that a picture is of, in pixels. */
const margin = 24;

/** Where the lab's user keeps what is taken, until it is put into the documents. */
const directoryIn = (home: string): string => join(home, "gui-container-pictures");

/** What the film says below its pictures, from that time on; nothing where it leaves them out. */
interface Caption {
  ms: number;
  text?: string;
}

/** A desktop, and what is done on it. */
class Stage {
  readonly #directory: string;
  readonly #env: Record<string, string>;

  constructor(directory: string, env: Record<string, string>) {
    this.#directory = directory;
    this.#env = { ...env, GUI_CONTAINER_ENGINE: engine };
  }

  /** The value of an expression in GNOME Shell. */
  async ask(expression: string): Promise<unknown> {
    const answer = await evaluate(expression, this.#env);
    const [, text] = /^\(true, (.*)\)$/s.exec(answer) ?? [];
    if (text === undefined) throw new Error(`GNOME Shell does not take: ${expression}: ${answer}`);
    // GVariant's quotes, around the JSON that GNOME Shell makes.
    return JSON.parse(text.slice(1, -1).replace(/\\(.)/g, "$1"));
  }

  async run(...argv: string[]): Promise<string> {
    return (await runProcess(argv, { cwd: root, env: this.#env })).stdout;
  }

  /** Starts a program; its dialogs offer no directory but the home. */
  start(program: string, ...args: string[]): RunningProcess {
    const cwd = Deno.env.get("HOME")!;
    return startProcess([program.replace(/^\./, root), ...args], { cwd, env: this.#env, output: "discard" });
  }

  /** Waits for a window with this in its title, puts it there, and gives it the focus. */
  async place(title: string, [x, y, width, height]: readonly [number, number, number, number]): Promise<void> {
    const window = windowWith(JSON.stringify(title));
    const tell = (order: string): Promise<unknown> => this.ask(`((w) => w ? (${order}, true) : false)(${window})`);
    await eventually(`the window "${title}"`, () => tell("Main.activateWindow(w)") as Promise<boolean>, {
      timeoutMs: 120_000,
    });
    // Of the first size after a maximized one, a browser may keep its shadow inside of the border.
    const order = (less: number): string => {
      const place = [x, y, width - less, height - less].join(", ");
      return `w.unmaximize(), w.move_resize_frame(true, ${place}), Main.activateWindow(w)`;
    };
    const rect = "((r) => [r.x, r.y, r.width, r.height])(w.get_frame_rect())";
    // A window that has just come still chooses its size, and some keep theirs.
    for (let last = "", tries = 0; tries < 30; tries++) {
      await delay(700);
      await tell(order(tries === 0 ? 20 : 0));
      await delay(700);
      const now = JSON.stringify(await this.ask(`((w) => w && [w.has_focus(), ...${rect}])(${window})`));
      if (now === last && now.startsWith("[true")) return;
      last = now;
    }
    throw new Error(`The window "${title}" does not stay in its place`);
  }

  /** Presses keys: a text, or one key of this value with Ctrl or without. */
  async press(keys: string | { key: number; ctrl?: boolean }): Promise<void> {
    const board = "(globalThis.board ??= global.stage.context.get_backend().get_default_seat()" +
      ".create_virtual_device(imports.gi.Clutter.InputDeviceType.KEYBOARD_DEVICE))";
    const one = (key: number, state: 0 | 1): string => `${board}.notify_keyval(0, ${key}, ${state})`;
    const values = typeof keys === "string"
      ? [...keys].map((letter) => letter === "\n" ? enter : letter.codePointAt(0)!)
      : [keys.key];
    const isCtrl = typeof keys === "object" && keys.ctrl === true;
    for (const key of values) {
      const strokes = [one(key, 1), one(key, 0)];
      await this.ask(
        `(${[...(isCtrl ? [one(ctrl, 1)] : []), ...strokes, ...(isCtrl ? [one(ctrl, 0)] : []), "1"].join(", ")})`,
      );
      await delay(20);
    }
  }

  /** Presses the left button there. */
  async click(x: number, y: number): Promise<void> {
    await act([["move", x, y]], this.#env);
    await delay(500);
    await act([["button", 1, true], ["button", 1, false]], this.#env);
  }

  /** Takes a picture once two in a row are the same: of the desktop, or of the windows with these in their titles. */
  async picture(name: string, ...titles: readonly string[]): Promise<void> {
    const file = join(this.#directory, name);
    for (let last = "", tries = 0; tries < 20; tries++) {
      await takePicture("GNOME Shell", file, this.#env);
      const now = (await this.run("sha256sum", file)).split(" ")[0]!;
      if (now === last) break;
      last = now;
      await delay(700);
    }
    if (titles.length === 0) return;
    const rects = `${JSON.stringify(titles)}.map((title) => ${windowWith("title")}.get_frame_rect())`;
    const edges = await this.ask(`((r) => [Math.min(...r.map((w) => w.x)), Math.min(...r.map((w) => w.y)),
      Math.max(...r.map((w) => w.x + w.width)), Math.max(...r.map((w) => w.y + w.height))])(${rects})`);
    const [left, top, right, bottom] = edges as [number, number, number, number];
    const size = `${right - left + 2 * margin}x${bottom - top + 2 * margin}`;
    await Deno.writeTextFile(`${file}.crop`, `${size}+${left - margin}+${top - margin}`);
  }

  /** Takes pictures as fast as they come while `act` runs; each is named by the milliseconds at which it was taken. */
  async film(act: (say: (caption?: string) => void) => Promise<unknown>): Promise<void> {
    const frames = join(this.#directory, "frames");
    await Deno.mkdir(frames);
    const captions: Caption[] = [];
    let isOver = false;
    const startedMs = performance.now();
    const now = (): number => Math.round(performance.now() - startedMs);
    const acted = act((text) => captions.push({ ms: now(), ...(text && { text }) })).finally(() => isOver = true);
    while (!isOver) {
      const ms = String(now()).padStart(6, "0");
      await takePicture("GNOME Shell", join(frames, `${ms}.png`), this.#env, { pointer: true });
      await delay(60);
    }
    await acted;
    await Deno.writeTextFile(join(this.#directory, "captions.json"), JSON.stringify(captions));
  }
}

/** The window whose title has what an expression in GNOME Shell says. */
function windowWith(title: string): string {
  return `global.get_window_actors().map((a) => a.meta_window).find((w) => w.title?.includes(${title}))`;
}

/** Values of keys (X11's keysymdef.h). */
const [enter, ctrl, escape] = [0xff0d, 0xffe3, 0xff1b];

const scenes = ["film", "windows", "menu", "question", "dialog", "lending", "manage"];

/** In the lab, as its user, in its host of today. */
async function take(wanted: readonly string[]): Promise<void> {
  const home = Deno.env.get("HOME")!;
  const directory = directoryIn(home);
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  await Deno.mkdir(directory);
  // Exported apps are this desktop's alone.
  Deno.env.set("XDG_DATA_HOME", join(directory, "data"));
  Deno.env.set("XDG_CONFIG_HOME", join(directory, "config"));
  // Where the lab has said what the default image is.
  Deno.env.set("INCUS_CONF", join(home, ".config", "incus"));
  await using desktop = await startDesktop("GNOME Shell");
  const stage = new Stage(directory, desktop.env);
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(directory, name);
    await Deno.writeTextFile(path, text);
    return path;
  };
  await stage.ask("(Main.overview.hide(), Main.messageTray.bannerBlocked = true, 1)");
  // Of the first key, which makes the keyboard, a window hears nothing.
  await stage.press({ key: escape });
  const wallpaper = await file("wallpaper.svg", wallpaperText);
  await stage.ask(
    `((s) => (s.set_string("picture-uri", "file://${wallpaper}"), 1))(new imports.gi.Gio.Settings({ schema_id: "org.gnome.desktop.background" }))`,
  );
  const key = join(home, ".ssh", "id_ed25519.pub");
  const packages = await file(
    "editor.yaml",
    "#cloud-config\npackage_update: true\npackages: [mousepad, fonts-dejavu-core, adwaita-icon-theme, xdg-desktop-portal, python3-gi]\n",
  );
  await Deno.mkdir(join(directory, "Documents"));
  const bank = await file("Documents/bank.html", pageText("My bank", "#e8f1ff", "Balance: 1,234.56"));
  const page = await file("Documents/page.html", pageText("The web", "#fff4e0", "Anything may be behind a link."));
  const letter = await file(
    "Documents/letter.txt",
    "Dear reader,\n\nplease open the attachment.\n\nYours, a stranger\n",
  );
  // Of the lab's own apps, the menu has one.
  const entries = join(directory, "data", "applications");
  await Deno.mkdir(entries, { recursive: true });
  for (const name of ["footclient", "foot-server"]) {
    await Deno.writeTextFile(join(entries, `${name}.desktop`), "[Desktop Entry]\nType=Application\nNoDisplay=true\n");
  }
  try {
    const create = (name: string, software: string): Promise<string> =>
      stage.run("./create.ts", ...made, name, key, "gui", software);
    // The first one leaves an image for the second.
    const browsers = create("web", "firefox-debian").then(() => create("bank", "firefox-debian"));
    await Promise.all([browsers, create("notes", packages)]);
    for (const name of ["web", "bank"]) await stage.run("./create.ts", "--export", name, "firefox-esr");
    await stage.run("./create.ts", "--export", "notes", "org.xfce.mousepad");
    for (const scene of [film, windows, menu, question, dialog, lending, manage]) {
      if (wanted.includes(scene.name)) await scene(stage, { bank, page, letter });
    }
  } finally {
    for (const name of containers) {
      await stage.run("./map.ts", "--unmap", name).catch(() => {});
      await stage.run("./create.ts", "--delete", "--force", name).catch(() => {});
    }
  }
}

const wallpaperText = `<svg xmlns="http://www.w3.org/2000/svg" width="1280" height="800">
<defs><linearGradient id="sky" x2="0" y2="1"><stop stop-color="#1b3a57"/><stop offset="1" stop-color="#e8a87c"/>
</linearGradient></defs><path d="M0 0H1280V800H0Z" fill="url(#sky)"/>
<path d="M0 560Q320 440 640 540T1280 500V800H0Z" fill="#3b5a78"/>
<path d="M0 640Q320 560 700 640T1280 600V800H0Z" fill="#2a4560"/>
<path d="M0 730Q400 650 800 720T1280 690V800H0Z" fill="#1c3048"/></svg>`;

/** A page for a browser. */
const pageText = (title: string, colour: string, text: string): string =>
  `<!doctype html><meta charset="utf-8"><title>${title}</title>
<body style="font: 18px sans-serif; margin: 2em; background: ${colour}"><h1>${title}</h1><p>${text}`;

/** The files of the host's that the scenes use. */
interface Files {
  bank: string;
  page: string;
  letter: string;
}

async function lend(stage: Stage, name: string, file: string): Promise<string> {
  return (await stage.run("./map.ts", "--read-only", "--no-wait", name, file)).trimEnd().split("\t")[1]!;
}

/** Runs what shows the windows of a container while `act` looks at them. */
async function whileShown(
  stage: Stage,
  { name, args }: { name: string; args: readonly string[] },
  act: () => Promise<void>,
): Promise<void> {
  const shown = stage.start("./attach.ts", name, ...args);
  try {
    await act();
  } finally {
    await stage.run("./attach.ts", "--stop", name, "--all").catch(() => {});
    await shown.ended;
  }
}

/** Two browsers and an editor, each in a container of its own, beside a terminal of the host's; and in the overview. */
async function windows(stage: Stage, { bank, page, letter }: Files): Promise<void> {
  const shown = [
    { name: "bank", border: "blue", app: "firefox-esr", file: bank, title: "My bank", place: [20, 46, 610, 400] },
    { name: "web", border: "red", app: "firefox-esr", file: page, title: "The web", place: [650, 46, 610, 400] },
    { name: "notes", border: "green", app: "mousepad", file: letter, title: "letter", place: [20, 466, 610, 314] },
  ] as const;
  const show = async ([first, ...rest]: readonly (typeof shown)[number][], act: () => Promise<void>): Promise<void> => {
    if (first === undefined) return await act();
    const inside = await lend(stage, first.name, first.file);
    const args = [`--border=${first.border}`, first.app, first.app === "mousepad" ? inside : `file://${inside}`];
    await whileShown(stage, { name: first.name, args }, async () => {
      await stage.place(first.title, first.place);
      await show(rest, act);
    });
  };
  await show(shown, async () => {
    const list = quoteWords(["./create.ts", "--list"]);
    const terminal = stage.start(
      ...["foot", "--font=DejaVu Sans Mono:size=9", "--title=Terminal", "sh", "-c"],
      `cd ${root}; printf '\\033[1;32m$\\033[0m %s\\n' '${list}'; ${list}; printf '\\033[1;32m$\\033[0m '; exec sleep 600`,
    );
    await stage.place("Terminal", [650, 466, 610, 314]);
    await stage.picture("windows.png");
    await stage.ask("(Main.overview.show(), 1)");
    await delay(2_000);
    // The title of each, which it shows below the one under the pointer, where another window would cover it.
    await stage.ask(
      `((find) => (find = (actor) => actor.showOverlay ? (actor._title.set({ opacity: 255, translation_y: -110 }), actor._title.show())
      : actor.get_children().forEach(find), find(global.stage), 1))()`,
    );
    await stage.picture("overview.png");
    await stage.ask("(Main.overview.hide(), 1)");
    terminal.kill("SIGTERM");
    await terminal.ended;
  });
}

/** Opens the list of apps, with the whole name of each that is in a container, which it shows under the pointer. */
async function openMenu(stage: Stage): Promise<void> {
  await stage.ask("(Main.overview.show(2), 1)");
  await delay(3_000);
  const found = `((find) => (find = (actor) => actor.app?.get_name().startsWith("[") ? (actor.hover = true, 1)
    : actor.get_children().reduce((sum, child) => sum + find(child), 0), find(global.stage)))()`;
  await eventually("the entries", async () => await stage.ask(found) === containers.length);
  await delay(1_000);
}

/** The entries that create.ts has made of the apps in the containers. */
async function menu(stage: Stage): Promise<void> {
  await openMenu(stage);
  await stage.picture("menu.png");
  await stage.ask("(Main.overview.hide(), 1)");
  await delay(1_000);
}

/** What the user is asked when an app opens a link. */
async function question(stage: Stage): Promise<void> {
  const args = ["mousepad", "--ask=links"];
  await whileShown(stage, { name: "notes", args }, async () => {
    await stage.place("Mousepad", [360, 60, 560, 300]);
    const link = stage.start("./attach.ts", "--join", "notes", "--", "xdg-open", "https://example.org/a?page=1");
    await stage.place("may notes", [40, 330, 1200, 250]);
    await stage.picture("question.png", "may notes", "Mousepad");
    await stage.press({ key: escape });
    link.kill("SIGTERM");
    await link.ended;
  });
}

/** The app's own "Open…", which shows a dialog of the host's. */
async function dialog(stage: Stage, { letter }: Files): Promise<void> {
  await whileShown(stage, { name: "web", args: ["firefox-esr", "about:blank"] }, async () => {
    await stage.place("Firefox", [20, 46, 790, 520]);
    await stage.press({ key: 0x6f, ctrl: true });
    await stage.place("web: what may", [330, 200, 820, 480]);
    await stage.press(`${dirname(letter)}/\n`);
    await delay(1_000);
    await stage.picture("dialog.png", "web: what may", "Firefox");
    await stage.press({ key: escape });
    await delay(500);
  });
}

/** The dialogs of map.ts, as they come when it is started from a menu. */
async function lending(stage: Stage, { letter, page }: Files): Promise<void> {
  const choosing = stage.start("./map.ts");
  await stage.place("Lend files", [420, 240, 440, 320]);
  await stage.picture("map-container.png", "Lend files");
  await stage.press({ key: escape });
  await choosing.ended;
  const lending = stage.start("./map.ts", "notes", letter, page);
  await stage.place("Lent to notes", [340, 240, 600, 320]);
  await stage.picture("map-files.png", "Lent to notes");
  await stage.press({ key: escape });
  await lending.ended;
}

/** The window for it all, while an app runs and a file is lent. */
async function manage(stage: Stage, { letter }: Files): Promise<void> {
  await lend(stage, "notes", letter);
  for (const [name, colour] of [["bank", "blue"], ["web", "red"], ["notes", "green"]] as const) {
    await stage.run("./attach.ts", "--save", `--border=${colour}`, name);
  }
  await whileShown(stage, { name: "notes", args: ["mousepad"] }, async () => {
    await stage.place("Mousepad", [20, 46, 400, 300]);
    const window = stage.start("./manage/containers.py", "notes");
    await stage.place("Containers", [240, 46, 800, 740]);
    await delay(8_000);
    await stage.picture("manage.png", "Containers");
    window.kill("SIGTERM");
    await window.ended;
  });
  await stage.run("./map.ts", "--unmap", "notes");
}

/** An icon of the menu, its window, and the one file that it gets. */
async function film(stage: Stage, { letter }: Files): Promise<void> {
  await openMenu(stage);
  const icon = await stage.ask(`((find) => (find = (actor) => actor.app?.get_name() === "[web] Firefox ESR" ? actor
    : actor.get_children().map(find).find(Boolean), ((icon, [x, y] = icon.get_transformed_position()) =>
      [x + icon.width / 2, y + icon.height / 2])(find(global.stage))))()`) as [number, number];
  await stage.film(async (say) => {
    say("An app of the container “web”, in the menu");
    await stage.click(...icon);
    await delay(1_000);
    say();
    await stage.place("Firefox", [20, 46, 900, 600]);
    await delay(1_000);
    say("Its window is among yours, in the colour of “web”");
    await delay(2_000);
    say();
    await stage.press({ key: 0x6f, ctrl: true });
    await stage.place("web: what may", [330, 200, 820, 480]);
    await stage.press(`${dirname(letter)}/\n`);
    await delay(1_000);
    say("“Open…” asks you, on your desktop");
    await delay(1_000);
    await stage.click(535, 375);
    await delay(1_000);
    await stage.click(1102, 222);
    say("It gets the file that you chose …");
    await eventually("the letter", () => stage.ask(`!${windowWith('"web: what may"')}`) as Promise<boolean>);
    await delay(3_500);
    say();
    await stage.press({ key: 0x6c, ctrl: true });
    await stage.press("file:///home/ubuntu\n");
    await delay(1_500);
    say("… and nothing else: this is all of its home");
    await delay(3_000);
  });
  await stage.run("./attach.ts", "--stop", "web", "--all");
  // Else it opens the film's tab again.
  await stage.run(engine, "exec", "web", "--", "rm", "-rf", "/home/ubuntu/.config/mozilla");
}

/** Puts what was taken into the documents: the pictures, and the frames as one film. */
async function keep(directory: string): Promise<void> {
  for (const { name } of Deno.readDirSync(directory)) {
    if (!name.endsWith(".png")) continue;
    const crop = await Deno.readTextFile(join(directory, `${name}.crop`)).catch(() => undefined);
    await runProcess([
      ...["convert", join(directory, name), ...(crop ? ["-crop", crop, "+repage"] : []), "-strip"],
      // Fewer colours than a photograph has, for half of the bytes.
      ...["+dither", "-colors", "255", "-define", "png:compression-level=9", join(docs, name)],
    ]);
  }
  const frames = join(directory, "frames");
  if (!await exists(frames)) return;
  const names = [...Deno.readDirSync(frames)].map(({ name }) => name).toSorted();
  const shown: { file: string; atMs: number; ms: number }[] = [];
  let last = "";
  for (const [index, name] of names.entries()) {
    const atMs = Number.parseInt(name);
    const ms = Number.parseInt(names[index + 1] ?? name) - atMs;
    const hash = (await runProcess(["sha256sum", join(frames, name)])).stdout.split(" ")[0]!;
    if (hash === last) shown.at(-1)!.ms += ms;
    else shown.push({ file: join(frames, name), atMs, ms });
    last = hash;
  }
  const captions: Caption[] = JSON.parse(await Deno.readTextFile(join(directory, "captions.json")));
  const timed = captions.flatMap(({ ms: fromMs, text }, at) => {
    if (text === undefined) return [];
    const toMs = captions[at + 1]?.ms ?? Infinity;
    // Waiting is cut short.
    const part = shown.filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
      .map(({ file, ms }) => ({ file, ms: Math.min(ms, maxStillMs) }));
    const speed = part.reduce((sum, { ms }) => sum + ms, 0) / partMs;
    return part.flatMap(({ file, ms }) => [
      ...["(", "-delay", `${Math.max(2, Math.round(ms / speed / 10))}`, file, "-resize", "960x"],
      ...["-gravity", "South", "-background", "#222", "-splice", "0x48", "-fill", "white", "-pointsize", "24"],
      ...["-annotate", "+0+10", text, ")"],
    ]);
  });
  await runProcess([
    ...["convert", "-loop", "0", ...timed],
    ...["-quality", "60", "-define", "webp:method=6", join(docs, "film.webp")],
  ]);
}

const [first, ...rest] = Deno.args;
if (first === "--in-lab") await take(rest);
else {
  const wanted = Deno.args.length > 0 ? Deno.args : scenes;
  const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts"), "run", "--incus", "6", "--host", "today"];
  await runProcess([...lab, "--", "deno", "run", "-A", "tests/lab/pictures.ts", "--in-lab", ...wanted], {
    output: "inherit",
  });
  await keep(directoryIn(labState().user!.home));
}
