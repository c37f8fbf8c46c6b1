/**
 * Takes the README's pictures of the real thing:
 * `deno task lab run -- deno run -A tests/lab/pictures.ts DIR [PART...]`, the parts being `windows` and `dialogs`, by
 * default both. The containers that are made for it are removed again.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess, startProcess } from "../../lib/base/process.ts";
import { imageAlias } from "./image.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));
const home = Deno.env.get("HOME")!;
const key = join(home, ".ssh", "id_ed25519.pub");
const [target, ...wanted] = Deno.args;
if (target === undefined) throw new Error("The directory for the pictures is missing");
const directory = target;

async function run(...argv: string[]): Promise<string> {
  return (await runProcess(argv, { cwd: root })).stdout;
}

/** The id of the window with this title, once it is there. */
async function windowWith(title: string): Promise<string> {
  return (await run("xdotool", "search", "--sync", "--onlyvisible", "--name", title)).split("\n")[0]!;
}

async function place(window: string, x: number, y: number, width: number, height: number): Promise<void> {
  await run(
    "xdotool",
    "windowsize",
    "--sync",
    window,
    String(width),
    String(height),
    "windowmove",
    window,
    `${x}`,
    `${y}`,
  );
}

/** Waits until two pictures in a row are the same, and keeps the last. */
async function picture(window: string, name: string, options: readonly string[] = []): Promise<void> {
  const file = join(directory, name);
  for (let last = "";; await new Promise((resolve) => setTimeout(resolve, 400))) {
    await run("import", ...options, "-window", window, file);
    const now = await run("identify", "-format", "%#", file);
    if (now === last) break;
    last = now;
  }
  await run("mogrify", "-resize", "1400x>", "-strip", "-define", "png:compression-level=9", file);
}

/** A browser and an editor, each in a container of its own, and create.ts at work. */
async function takeWindows(): Promise<void> {
  const page = join(home, "page.html");
  await Deno.writeTextFile(
    page,
    `<!doctype html><meta charset="utf-8"><title>A page</title><body style="font: 20px sans-serif; margin: 3em; background: #eef">
<h1>This Firefox runs in a container</h1><p>Its window is among your own, but it cannot see your display, your keys or your files.
This page was lent to it by <b>map.ts</b>, and is taken back afterwards.`,
  );
  const editor = join(home, "editor.yaml");
  await Deno.writeTextFile(editor, "#cloud-config\npackage_update: true\npackages: [mousepad, fonts-dejavu-core]\n");
  const letter = join(home, "letter from a stranger.txt");
  await Deno.writeTextFile(letter, "Dear user,\n\nplease open the attachment.\n\nYours,\nsomebody you do not know\n");

  const create = ["./create.ts", "--image", imageAlias, "browser", key, "gui", "firefox-debian"];
  const terminal = startProcess(
    [
      "xterm",
      "-T",
      "Terminal",
      "-fa",
      "DejaVu Sans Mono",
      "-fs",
      "11",
      "-geometry",
      "100x10",
      "-e",
      "sh",
      "-c",
      'PS1="$ "; echo "$ $0 $*"; "$0" "$@"; exec cat',
      ...create,
    ],
    { cwd: root },
  );
  const terminalWindow = await windowWith("^Terminal$");
  const unpacking = ["lxc", "exec", "browser", "--", "grep", "Unpacking", "/var/log/cloud-init-output.log"];
  while (!await run(...unpacking).then(() => true, () => false)) {
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await run("import", "-window", terminalWindow, join(directory, "create.png"));
  await run("./create.ts", "--quiet", "--image", imageAlias, "editor", key, "gui", editor);
  for (let status = ""; !status.includes("Running"); await new Promise((resolve) => setTimeout(resolve, 500))) {
    status = await run("./attach.ts", "--list", "browser").then(() => "Running", () => "");
  }

  const lent = async (name: string, file: string): Promise<string> =>
    (await run("./map.ts", "--read-only", "--no-wait", name, file)).trimEnd().split("\t")[1]!;
  const [pageInside, letterInside] = [await lent("browser", page), await lent("editor", letter)];
  const clients = [
    startProcess(["./attach.ts", "browser", `firefox-esr --new-window 'file://${pageInside}'`, "--border=blue,5"], {
      cwd: root,
    }),
    startProcess(["./attach.ts", "editor", `mousepad '${letterInside}'`, "--border=red,5"], {
      cwd: root,
    }),
  ];
  await place(await windowWith("\\[browser\\] A page"), 20, 40, 800, 560);
  await place(await windowWith("\\[editor\\].*letter"), 860, 40, 560, 300);
  await place(terminalWindow, 840, 390, 860, 210);
  await picture("root", "windows.png");
  await run("convert", join(directory, "windows.png"), "-trim", "+repage", join(directory, "windows.png"));

  for (const name of ["browser", "editor"]) {
    await run("./attach.ts", "--stop", name, "--all");
    await run("./map.ts", "--unmap", name);
    await run("./create.ts", "--delete", "--force", name);
  }
  await Promise.all(clients.map(({ ended }) => ended));
  terminal.kill("SIGTERM");
  for (const file of [page, editor, letter]) await Deno.remove(file);
}

/** The dialogs of map.ts, as they come when it is started from a menu. */
async function takeDialogs(): Promise<void> {
  const names = ["firefox", "my-container", "office"];
  const config = join(home, "plain.yaml");
  await Deno.writeTextFile(config, "#cloud-config\ndisable_root: true\n");
  for (const name of names) await run("./create.ts", "--quiet", "--image", imageAlias, name, key, "gui", config);
  const documents = join(home, "Documents");
  await Deno.mkdir(documents);
  const files = ["letter.odt", "photo of the garden.jpg", "taxes 2025.ods"].map((name) => join(documents, name));
  for (const file of files) await Deno.writeTextFile(file, "");

  const choosing = startProcess(["./map.ts"], { cwd: root, output: "discard" });
  await dialog("^Lend files$", "map-container.png");
  const lending = startProcess(["./map.ts", "my-container", ...files], { cwd: root, output: "discard" });
  await dialog("^Lent to my-container$", "map-files.png");
  await Promise.all([choosing, lending].map(({ ended }) => ended));

  for (const name of names) await run("./create.ts", "--delete", "--force", name);
  await Deno.remove(documents, { recursive: true });
  await Deno.remove(config);
}

/** Takes a picture of a dialog with its frame, and closes it. */
async function dialog(title: string, name: string): Promise<void> {
  const window = await windowWith(title);
  await run("xdotool", "windowactivate", "--sync", window);
  await picture(window, name, ["-frame"]);
  await run("xdotool", "key", "Escape");
}

const parts = { windows: takeWindows, dialogs: takeDialogs };
for (const [name, take] of Object.entries(parts)) if (wanted.length === 0 || wanted.includes(name)) await take();
