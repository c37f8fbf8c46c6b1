/**
 * Takes the pictures and the film of the documents again: `deno task pictures [PART...]`, the parts being `windows`,
 * `menu`, `question`, `dialog`, `lending` and `film`. They show the real thing, on GNOME in the lab's host of Debian
 * testing: what is typed is run. The containers that are made for it are removed again; the images that are kept of them
 * stay for the next time.
 */

import { delay } from "@std/async";
import { dirname, fromFileUrl, join } from "@std/path";
import { type RunningProcess, runProcess, startProcess } from "../../lib/base/process.ts";
import { exists } from "../../lib/base/files.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { labState } from "./state.ts";
import { evaluate, startDesktop, takePicture } from "../e2e/today_desktop.ts";
import { eventually } from "../e2e/run.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));
const engine = "incus";
/** How the containers are made. */
const made = ["--yes", "--cache", "--image=gui-lab"] as const;
const containers = ["web", "notes"] as const;
const filmed = "my-container";
const docs = join(root, "docs");

/** The longest time for which the film shows one frame, in milliseconds. */
const maxStillMs = 700;

/** Where the lab's user keeps what is taken, until it is put into the documents. */
const directoryIn = (home: string): string => join(home, "gui-container-pictures");

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

  start(...argv: string[]): RunningProcess {
    return startProcess(argv, { cwd: root, env: this.#env, output: "discard" });
  }

  /** Waits for a window with this in its title, puts it there, and gives it the focus. */
  async place(title: string, [x, y, width, height]: readonly [number, number, number, number]): Promise<void> {
    const window = `global.get_window_actors().map((a) => a.meta_window).find((w) => w.title?.includes(${
      JSON.stringify(title)
    }))`;
    const tell = (order: string): Promise<unknown> => this.ask(`((w) => w ? (${order}, true) : false)(${window})`);
    await eventually(`the window "${title}"`, () => tell("Main.activateWindow(w)") as Promise<boolean>, {
      timeoutMs: 120_000,
    });
    // A window that has just come still chooses its size.
    await delay(1_500);
    await tell("w.unmaximize()");
    for (let times = 0; times < 2; times++) {
      await delay(700);
      await tell(`w.move_resize_frame(true, ${x}, ${y}, ${width}, ${height})`);
    }
    await delay(700);
    await tell("Main.activateWindow(w)");
    await delay(700);
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

  /** Takes a picture once two in a row are the same. */
  async picture(name: string): Promise<void> {
    const file = join(this.#directory, name);
    for (let last = "", tries = 0; tries < 20; tries++) {
      await takePicture("GNOME Shell", file, this.#env);
      const now = (await this.run("sha256sum", file)).split(" ")[0]!;
      if (now === last) return;
      last = now;
      await delay(700);
    }
  }

  /** Takes pictures as fast as they come while `act` runs; each is named by the milliseconds at which it was taken. */
  async film(act: () => Promise<unknown>): Promise<void> {
    const frames = join(this.#directory, "frames");
    await Deno.mkdir(frames);
    let isOver = false;
    const acted = act().finally(() => isOver = true);
    const startedMs = performance.now();
    while (!isOver) {
      const ms = String(Math.round(performance.now() - startedMs)).padStart(6, "0");
      await takePicture("GNOME Shell", join(frames, `${ms}.png`), this.#env);
      await delay(60);
    }
    await acted;
  }
}

/** Values of keys (X11's keysymdef.h). */
const [enter, ctrl, escape] = [0xff0d, 0xffe3, 0xff1b];

const scenes = ["windows", "menu", "question", "dialog", "lending"];

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
  await stage.ask(
    `((s) => (s.set_string("picture-options", "none"), s.set_string("primary-color", "#2f4858"), 1))(new imports.gi.Gio.Settings({ schema_id: "org.gnome.desktop.background" }))`,
  );
  const key = join(home, ".ssh", "id_ed25519.pub");
  const packages = await file(
    "editor.yaml",
    "#cloud-config\npackage_update: true\npackages: [mousepad, fonts-dejavu-core, adwaita-icon-theme, xdg-desktop-portal, python3-gi]\n",
  );
  await Deno.mkdir(join(directory, "Documents"));
  const page = await file("Documents/page.html", pageText);
  const letter = await file(
    "Documents/letter.txt",
    "Dear reader,\n\nplease open the attachment.\n\nYours, a stranger\n",
  );
  try {
    if (scenes.some((scene) => wanted.includes(scene))) {
      await Promise.all([
        stage.run("./create.ts", ...made, "web", key, "gui", "firefox-debian"),
        stage.run("./create.ts", ...made, "notes", key, "gui", packages),
      ]);
      for (const act of [windows, menu, question, dialog, lending]) {
        if (wanted.includes(act.name)) await act(stage, { page, letter });
      }
    }
    if (wanted.includes("film")) await film(stage, { key, packages, directory });
  } finally {
    for (const name of [...containers, filmed]) {
      await stage.run("./map.ts", "--unmap", name).catch(() => {});
      await stage.run("./create.ts", "--delete", "--force", name).catch(() => {});
    }
  }
}

const pageText = `<!doctype html><meta charset="utf-8"><title>A page</title>
<body style="font: 18px sans-serif; margin: 2em; background: #eef">
<h1>This Firefox runs in a container</h1><p>Its window is among your own, but it cannot see your display, your keys or
your files. This page was lent to it by <b>map.ts</b>, and is taken back afterwards.`;

/** The files of the host's that the scenes use. */
interface Files {
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

/** A browser and an editor, each in a container of its own, beside a terminal of the host's. */
async function windows(stage: Stage, { page, letter }: Files): Promise<void> {
  const [pageInside, letterInside] = [await lend(stage, "web", page), await lend(stage, "notes", letter)];
  const browser = { name: "web", args: ["firefox-esr", `file://${pageInside}`] };
  await whileShown(stage, browser, async () => {
    await whileShown(stage, { name: "notes", args: ["mousepad", letterInside] }, async () => {
      await stage.place("A page", [20, 46, 790, 520]);
      await stage.place("letter", [720, 90, 540, 320]);
      const list = quoteWords(["./attach.ts", "--list"]);
      const terminal = stage.start(
        ...["foot", "--font=DejaVu Sans Mono:size=9", "--title=Terminal", "sh", "-c"],
        `printf '\\033[1;32m$\\033[0m %s\\n' '${list}'; ${list}; printf '\\033[1;32m$\\033[0m '; exec sleep 600`,
      );
      await stage.place("Terminal", [380, 560, 880, 210]);
      await stage.picture("windows.png");
      terminal.kill("SIGTERM");
      await terminal.ended;
    });
  });
}

/** The entries that create.ts has made of the apps in the containers. */
async function menu(stage: Stage): Promise<void> {
  await stage.run("./create.ts", "--export", "web", "firefox-esr");
  await stage.run("./create.ts", "--export", "notes", "org.xfce.mousepad");
  await delay(3_000);
  await stage.ask("(Main.overview.show(2), 1)");
  await delay(3_000);
  await stage.picture("menu.png");
  await stage.ask("(Main.overview.hide(), 1)");
  for (const name of containers) await stage.run("./create.ts", "--unexport", name);
  await delay(1_000);
}

/** What the user is asked when an app opens a link. */
async function question(stage: Stage): Promise<void> {
  const args = ["mousepad", "--ask=links"];
  await whileShown(stage, { name: "notes", args }, async () => {
    await stage.place("Mousepad", [60, 60, 560, 380]);
    const link = stage.start("./attach.ts", "--join", "notes", "--", "xdg-open", "https://example.org/a?page=1");
    await stage.place("may notes", [420, 300, 520, 250]);
    await stage.picture("question.png");
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
    await stage.place("web: what may", [330, 200, 820, 520]);
    await stage.press(`${dirname(letter)}/\n`);
    await delay(1_000);
    await stage.picture("dialog.png");
    await stage.press({ key: escape });
    await delay(500);
  });
}

/** The dialogs of map.ts, as they come when it is started from a menu. */
async function lending(stage: Stage, { letter, page }: Files): Promise<void> {
  const choosing = stage.start("./map.ts");
  await stage.place("Lend files", [420, 240, 440, 320]);
  await stage.picture("map-container.png");
  await stage.press({ key: escape });
  await choosing.ended;
  const lending = stage.start("./map.ts", "notes", letter, page);
  await stage.place("Lent to notes", [340, 240, 600, 320]);
  await stage.picture("map-files.png");
  await stage.press({ key: escape });
  await lending.ended;
}

/** Create, map, attach, and delete, each typed into a terminal. */
async function film(
  stage: Stage,
  { key, packages, directory }: { key: string; packages: string; directory: string },
): Promise<void> {
  // What the first container of these packages takes minutes for is kept.
  await stage.run("./create.ts", ...made, filmed, key, "gui", packages);
  await stage.run("./create.ts", "--delete", "--force", filmed);
  await Deno.writeTextFile(join(directory, "letter.txt"), "Dear reader\n");
  const lines = [
    "./create.ts my-container ~/.ssh/id_ed25519.pub gui ./editor.yaml --cache",
    "./map.ts my-container ./letter.txt --no-wait",
    "./attach.ts my-container -- sh -c 'mousepad ~/maps/*-letter.txt'",
    "./map.ts --unmap my-container",
    "cat ./letter.txt",
    "./create.ts --delete my-container",
  ];
  const script = join(directory, "film.py");
  await Deno.writeTextFile(script, filmScript(lines));
  for (const name of ["create.ts", "attach.ts", "map.ts"]) await Deno.symlink(join(root, name), join(directory, name));
  const terminal = stage.start(
    ...["foot", "--font=DejaVu Sans Mono:size=13", "--title=Terminal", `--working-directory=${directory}`],
    ...["python3", script],
  );
  await stage.place("Terminal", [20, 50, 1240, 730]);
  await stage.film(async () => {
    await Deno.writeTextFile(join(directory, "go"), "");
    await stage.place("letter.txt", [640, 380, 600, 380]);
    await delay(1_200);
    await stage.press({ key: 0xff57, ctrl: true });
    await stage.press("Edited in the container\n");
    await delay(400);
    await stage.press({ key: 0x73, ctrl: true });
    await delay(800);
    await stage.press({ key: 0x71, ctrl: true });
    await eventually("the end", () => Deno.stat(join(directory, "done")).catch(() => undefined), {
      timeoutMs: 120_000,
    });
    await delay(1_500);
  });
  terminal.kill("SIGTERM");
  await terminal.ended;
}

/** A program that types lines, and runs each in a shell. */
function filmScript(lines: readonly string[]): string {
  return `
import json, os, subprocess, sys, time
while not os.path.exists("go"): time.sleep(0.1)
for line in json.loads(${JSON.stringify(JSON.stringify(lines))}):
    sys.stdout.write("\\033[1;32m$\\033[0m ")
    for letter in line:
        sys.stdout.write(letter); sys.stdout.flush(); time.sleep(0.02)
    time.sleep(0.4); print(flush=True)
    subprocess.run(["sh", "-c", line])
sys.stdout.write("\\033[1;32m$\\033[0m "); sys.stdout.flush()
open("done", "w"); time.sleep(60)
`;
}

/** Puts what was taken into the documents: the pictures, and the frames as one film. */
async function keep(directory: string): Promise<void> {
  for (const { name } of Deno.readDirSync(directory)) {
    if (!name.endsWith(".png")) continue;
    await runProcess([
      "convert",
      join(directory, name),
      "-strip",
      "-define",
      "png:compression-level=9",
      join(docs, name),
    ]);
  }
  const frames = join(directory, "frames");
  if (!await exists(frames)) return;
  const names = [...Deno.readDirSync(frames)].map(({ name }) => name).toSorted();
  const shown: { file: string; ms: number }[] = [];
  let last = "";
  for (const [index, name] of names.entries()) {
    const ms = Number.parseInt(names[index + 1] ?? name) - Number.parseInt(name);
    const hash = (await runProcess(["sha256sum", join(frames, name)])).stdout.split(" ")[0]!;
    if (hash === last) shown.at(-1)!.ms += ms;
    else shown.push({ file: join(frames, name), ms });
    last = hash;
  }
  // Waiting is cut short, in hundredths of a second.
  const timed = shown.flatMap(({ file, ms }) => ["-delay", String(Math.round(Math.min(ms, maxStillMs) / 10)), file]);
  await runProcess([
    ...["convert", "-loop", "0", ...timed, "-delay", "300", shown.at(-1)!.file],
    ...["-resize", "960x", "-quality", "60", "-define", "webp:method=6", join(docs, "film.webp")],
  ]);
}

const [first, ...rest] = Deno.args;
if (first === "--in-lab") await take(rest);
else {
  const wanted = Deno.args.length > 0 ? Deno.args : [...scenes, "film"];
  const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts"), "run", "--incus", "6", "--host", "today"];
  await runProcess([...lab, "--", "deno", "run", "-A", "tests/lab/pictures.ts", "--in-lab", ...wanted], {
    output: "inherit",
  });
  await keep(directoryIn(labState().user!.home));
}
