/**
 * The first look: a container with Firefox in it, its window on the desktop, and a page of the host lent to it, by the
 * three scripts as a user would call them. Without a desktop it is shown on the lab's, and a picture is written.
 */

import { delay } from "@std/async";
import { fromFileUrl, join, resolve } from "@std/path";
import { ProcessError, type ProcessResult, UserError } from "../../lib/base/errors.ts";
import { type ProcessOptions, runProcess, startProcess } from "../../lib/base/process.ts";
import { quoteWords } from "../../lib/base/shell_words.ts";
import { whereToRead } from "./machine.ts";
import { looksUp } from "./run.ts";
import { labState, missingParts } from "./state.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));
const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts")];
const name = "demo";

const pageColour = [0xee, 0xee, 0xff] as const;
const page = `<!doctype html><meta charset="utf-8"><title>gui-container demo</title>
<body style="font: 24px sans-serif; margin: 4em; background: rgb(${pageColour})">
<h1>This Firefox runs in a container</h1>
<p>Its window is among your own. It cannot see your display, your keys or your files:
this page was lent to it by <b>map.ts</b>, and is taken back afterwards.`;

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Says what is run, runs it, and says how long that took. */
async function run(argv: readonly string[], options: Partial<ProcessOptions> = {}): Promise<ProcessResult> {
  say(`\n$ ${quoteWords(argv)}`);
  const startedMs = performance.now();
  const result = await runProcess(argv, { output: "inherit", cwd: root, ...options });
  say(`(${secondsSince(startedMs)})`);
  return result;
}

function secondsSince(startedMs: number): string {
  return `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
}

async function succeeds(argv: readonly string[], timeoutMs: number): Promise<boolean> {
  try {
    await runProcess(argv, { timeoutMs });
    return true;
  } catch {
    return false;
  }
}

async function engineAtHand(): Promise<"lxc" | "incus"> {
  const wanted = Deno.env.get("GUI_CONTAINER_ENGINE");
  if (wanted === "lxc" || wanted === "incus") return wanted;
  return await succeeds(["lxc", "query", "/1.0"], 10_000) ? "lxc" : "incus";
}

/** Waits for a window with `title` on the lab's sway; rejects when `ended` comes first. */
async function windowShown(title: string, ended: Promise<unknown>): Promise<void> {
  let isOver = false;
  ended.finally(() => isOver = true);
  while (!(await runProcess(["swaymsg", "-t", "get_tree"])).stdout.includes(title)) {
    if (isOver) throw new Error("The app ended before its window was there");
    await delay(100);
  }
}

/** Takes a picture of the desktop once the page is painted, a moment after its window is there. */
async function takePicture(file: string): Promise<void> {
  const pixels = `${file}.ppm`;
  for (let tries = 0; tries < 100 && !await isPainted(pixels); tries++) await delay(200);
  await Deno.remove(pixels);
  await runProcess(["grim", file]);
}

/** Whether a good part of the desktop has the page's colour now. `file`: for its picture, in three bytes a pixel. */
async function isPainted(file: string): Promise<boolean> {
  await runProcess(["grim", "-t", "ppm", file]);
  const bytes = await Deno.readFile(file);
  const [red, green, blue] = pageColour;
  let count = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === red && bytes[at + 1] === green && bytes[at + 2] === blue) count++;
  }
  return count > 200_000;
}

/** The demo, as the user who will see the window. */
async function show(picture: string | undefined): Promise<void> {
  const engine = await engineAtHand();
  if (await succeeds([engine, "query", `/1.0/instances/${name}`], 10_000)) {
    say(`The container "${name}" is there already, and is used`);
  } else {
    const key = join(Deno.env.get("HOME")!, ".ssh", "id_ed25519.pub");
    await run(["./create.ts", "--without-xpra", name, key, "gui", "firefox"]);
  }
  if (!await succeeds([engine, "exec", name, "true"], 10_000)) await run([engine, "start", name]);

  const file = join(Deno.env.get("HOME")!, "gui-container demo.html");
  await Deno.writeTextFile(file, page);
  const { stdout } = await run(["./map.ts", "--read-only", "--no-wait", name, file], { output: "capture" });
  const inside = stdout.trimEnd().split("\t")[1]!;

  const attach = [
    "./attach.ts",
    name,
    quoteWords(["firefox", "--new-window", `file://${encodeURI(inside)}`]),
    "--border=blue",
  ];
  say(`\n$ ${quoteWords(attach)}`);
  const startedMs = performance.now();
  const client = startProcess(attach, { output: "inherit", cwd: root });
  if (picture !== undefined) {
    await windowShown("gui-container demo", client.ended);
    say(`(the window was there after ${secondsSince(startedMs)})`);
    await takePicture(picture);
    await run(["./attach.ts", "--stop", name, "--all"]);
    say(`A picture of it: ${picture}`);
  }
  await client.ended;
  await run(["./map.ts", "--unmap", name, file]);
  say("");
  say("What to type next:");
  say(`  ./attach.ts ${name} firefox          Firefox again`);
  say(`  ./attach.ts ${name} xterm            another app in the same container, which knows only X`);
  say(`  ./create.ts --delete ${name}            remove it all`);
  if (picture !== undefined) say(`each behind "deno task lab run --", which has the user and the display`);
}

async function main(): Promise<void> {
  const [inLab, picture] = Deno.args;
  if (inLab === "--in-lab") return await show(picture);
  if ((Deno.env.get("WAYLAND_DISPLAY") || Deno.env.get("DISPLAY")) && Deno.uid() !== 0) return await show(undefined);
  const startedMs = performance.now();
  if (!looksUp(labState())) {
    const { code } = await runProcess([...lab, "up", "demo"], { output: "inherit", okCodes: "any" });
    if (code !== 0) Deno.exit(code);
  }
  const noEngine = missingParts("lxc") && missingParts("incus");
  const missing = [missingParts("user", "wayland"), noEngine].filter(Boolean).join("; ");
  if (missing !== "") throw new UserError(`The demo cannot be shown: ${missing}`, { hint: `See ${whereToRead}` });
  const shot = resolve(Deno.env.get("INIT_CWD") ?? ".", "demo.png");
  const temporary = "/tmp/gui-container-demo.png";
  await runProcess([
    ...lab,
    "run",
    "--desktop",
    "wayland",
    "--",
    "deno",
    "run",
    "-A",
    "tests/lab/demo.ts",
    "--in-lab",
    temporary,
  ], {
    output: "inherit",
  });
  await Deno.copyFile(temporary, shot);
  say(`\nThe picture is in ${shot}. All of it took ${secondsSince(startedMs)}`);
}

try {
  await main();
} catch (error) {
  if (error instanceof ProcessError) say(`error: ${error.message}\n${error.output}`);
  else say(error instanceof UserError ? `error: ${error.message}\nhint: ${error.hint}` : String(error));
  Deno.exit(1);
}
