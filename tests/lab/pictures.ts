/**
 * Takes the README's pictures of the real thing, into `docs/`: `deno task lab run -- deno run -A tests/lab/pictures.ts DIR`.
 * Two containers are made for it and removed again.
 */

// @ts-types="../../lib/types/std_path.d.ts"
import { fromFileUrl, join } from "@std/path";
import { runProcess, startProcess } from "../../lib/process.ts";
import { imageAlias } from "./image.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));
const home = Deno.env.get("HOME")!;
const [directory] = Deno.args;
if (directory === undefined) throw new Error("The directory for the pictures is missing");

async function run(...argv: string[]): Promise<string> {
  return (await runProcess(argv, { stdin: "null", cwd: root })).stdout;
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
async function picture(window: string, name: string): Promise<void> {
  const file = join(directory!, name);
  for (let last = "";; await new Promise((resolve) => setTimeout(resolve, 400))) {
    await run("import", "-window", window, file);
    const now = await run("identify", "-format", "%#", file);
    if (now === last) break;
    last = now;
  }
  await run("mogrify", "-resize", "1400x>", "-strip", "-define", "png:compression-level=9", file);
}

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

const key = join(home, ".ssh", "id_ed25519.pub");
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
  { stdin: "null", cwd: root },
);
const terminalWindow = await windowWith("^Terminal$");
const unpacking = ["lxc", "exec", "browser", "--", "grep", "Unpacking", "/var/log/cloud-init-output.log"];
while (!await run(...unpacking).then(() => true, () => false)) await new Promise((resolve) => setTimeout(resolve, 500));
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
    stdin: "null",
    cwd: root,
  }),
  startProcess(["./attach.ts", "editor", `mousepad '${letterInside}'`, "--border=red,5"], { stdin: "null", cwd: root }),
];
await place(await windowWith("A page.*\\[browser\\]"), 20, 40, 800, 560);
await place(await windowWith("letter.*\\[editor\\]"), 860, 40, 560, 300);
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
