// Every command of README.md and the documents that it leads to, as their reader would type it: the blocks marked "sh",
// in their order, in one place.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { runProcess, startProcess } from "../../lib/base/process.ts";
import { missingParts } from "../lab/state.ts";
import { needed } from "./sessions.ts";
import { eventually, makeContainer, painted, removeContainer, root, sh, windowWith } from "./world.ts";

/** In the order in which they are read: README.md makes the container, the others use it. */
const documents = [
  "README.md",
  "examples/desktop-files/README.md",
  "docs/benchmark.md",
  "docs/comparison.md",
  "docs/development.md",
  "docs/troubleshooting.md",
];

const engine = "lxc";
const home = Deno.env.get("HOME")!;
const container = "e2e-readme";

/**
 * A command is run until there is a window with this title, if one is given; then the user presses Ctrl-C, or ends the
 * container's apps, and the command ends with `code`.
 */
interface Until {
  window?: string;
  /** The window is to show more than text. */
  painted?: true;
  then: "Ctrl-C" | { endAppsIn: string };
  code: number;
}

/** Longest wait for a window of a container that is made before. */
const provisioningMs = 180_000;

/** The home of a reader who installs things there. */
const readersHome = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(readersHome, { recursive: true }));

/** How a command is run that is not simply run to its end, by how it starts. */
const special: readonly (readonly [start: string, treatment: { skip: string } | { home: string } | Until])[] = [
  ["deno task test", { skip: "it is this run" }],
  ["deno task check", { skip: "this run has it" }],
  ["mkdir -p ~/.local/bin", { home: readersHome }],
  ["ln -sf", { home: readersHome }],
  ["xdg-desktop-menu install", { home: readersHome }],
  ["deno task demo", { window: "gui-container demo", painted: true, then: { endAppsIn: "demo" }, code: 0 }],
  [`./attach.ts ${container} firefox`, { window: `\\[${container}\\]`, painted: true, then: "Ctrl-C", code: 130 }],
  [`./attach.ts ${container} xterm --preset`, {
    window: `\\[${container}\\]`,
    then: { endAppsIn: container },
    code: 0,
  }],
  [`./attach.ts ${container} xterm --detached`, { home }],
  // With its session: the app did not end by itself.
  [`./attach.ts ${container} xclock --join`, { then: { endAppsIn: container }, code: 1 }],
  [`./attach.ts ${container} -- sh`, { home }],
  [`./attach.ts ${container} --stop`, { home }],
  [`./attach.ts ${container}`, { window: `\\[${container}\\]`, then: "Ctrl-C", code: 130 }],
];

/** The lines of the blocks marked `sh`, without comments, as they are run here. */
function commandsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^( *)```sh\n(.*?)^\1```$/gms)].flatMap(([, , block]) => block!.trim().split("\n"))
    .map((line) => forTheLab(line.trim().replace(/ +# .*$/, "")));
}

/** Where the lab differs from the reader's machine: names of its own. */
function forTheLab(command: string): string {
  return command
    .replaceAll("my-container", container)
    .replace("npx -y deno@2 task", "deno task");
}

const missing = missingParts(engine, ...needed);
const letter = join(home, "Documents", "letter.txt");
const before = missing ? [] : await instances();

/** Registers a test; it is ignored, with the reason in its name, where `skip` gives one. */
function test(name: string, skip: string | undefined, fn: () => Promise<void>): void {
  Deno.test({ name: `${name}${skip ? ` (skipped: ${skip})` : ""}`, ignore: skip !== undefined, fn });
}

test("README.md: there is a letter to lend", missing, async () => {
  await Deno.mkdir(join(home, "Documents"), { recursive: true });
  await Deno.writeTextFile(letter, "Dear reader\n");
});

for (const document of documents) {
  for (const command of commandsOf(await Deno.readTextFile(join(root, document)))) testCommand(document, command);
}

function testCommand(document: string, command: string): void {
  const [, treatment] = special.find(([start]) => command.startsWith(start)) ?? [];
  const skip = missing ?? (treatment && "skip" in treatment ? treatment.skip : undefined);
  test(`${document}: ${command}`, skip, async () => {
    if (command.includes(container) && !/create\.ts(?!.*export)/.test(command)) await needContainer();
    // The reader has closed the app's windows.
    if (command.includes("--delete")) await sh([join(root, "attach.ts"), "--stop", container, "--all"], options);
    if (treatment && "then" in treatment) await runUntil(command, treatment);
    else await runToEnd(command, treatment && "home" in treatment ? treatment.home : home);
  });
}

test(
  "examples/desktop-files/README.md: the desktop entry and what it starts are where the desktop looks for them",
  missing,
  async () => {
    const entry = join(readersHome, ".local/share/applications/containerized-vlc.desktop");
    await sh(["desktop-file-validate", entry]);
    for (const program of ["attach.ts", "map.ts", "open-in-container"]) {
      assert((await Deno.stat(join(readersHome, ".local/bin", program))).isFile);
    }
  },
);

test("README.md: the letter was edited in the container, and nothing is left", missing, async () => {
  assertEquals(await Deno.readTextFile(letter), "Dear reader\nEdited in the container\n");
  await Deno.remove(join(home, "Documents"), { recursive: true });
  for (const name of [container, "demo"]) {
    if (!before.includes(name)) await removeContainer(engine, name);
  }
});

async function instances(): Promise<string[]> {
  const urls: string[] = JSON.parse(await sh([engine, "query", "/1.0/instances"]));
  return urls.map((url) => url.split("/").at(-1)!);
}

/** The tutorial has removed it at its end. */
async function needContainer(): Promise<void> {
  if (!(await instances()).includes(container)) await makeContainer(engine, container);
}

const options = { cwd: root, env: { GUI_CONTAINER_ENGINE: engine, NO_COLOR: "1" } } as const;

async function runToEnd(command: string, home: string): Promise<void> {
  const { code, stdout, stderr } = await runProcess(["/bin/sh", "-c", command], {
    ...options,
    env: { ...options.env, HOME: home },
    okCodes: "any",
  });
  assertEquals(code, 0, `${command}\n${stdout}${stderr}`);
}

async function runUntil(command: string, { window: title, painted: isPainted, then, code }: Until): Promise<void> {
  const running = startProcess(["/bin/sh", "-c", `exec ${command}`], options);
  try {
    if (title !== undefined) {
      const window = await Promise.race([windowWith(title, { timeoutMs: provisioningMs }), running.ended]);
      assert(typeof window === "string", `${command} ended without a window\n${JSON.stringify(window)}`);
      if (isPainted) await painted(window);
    }
    if (then !== "Ctrl-C") await endApps(then.endAppsIn);
  } finally {
    if (then === "Ctrl-C") running.kill("SIGINT");
  }
  const ended = await running.ended;
  assertEquals(ended.code, code, `${command}\n${ended.stderr}`);
}

/** Ends all sessions of a container, once there is one with an app that runs. */
async function endApps(name: string): Promise<void> {
  const attach = join(root, "attach.ts");
  await eventually("an app that runs", async () => {
    const list = JSON.parse(await sh([attach, "--json", "--list", name], options));
    return list.some(({ pid }: { pid: number }) => pid > 0);
  });
  await sh([attach, "--stop", name, "--all"], options);
}
