// Every command of README.md and the documents that it leads to, as their reader would type it: the blocks marked "sh",
// in their order, in one place, on the Wayland desktop that README.md installs for.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { runProcess, startProcess } from "../../lib/base/process.ts";
import { missingParts } from "../lab/state.ts";
import { eventually, publicKey, root, sh } from "./run.ts";
import { needed } from "./sessions.ts";
import { desktop, waylandParts, windows } from "./wayland_desktop.ts";
import { painted, windowWith } from "./windows.ts";
import { removeContainer } from "./world.ts";

/** In the order in which they are read: README.md makes the container, the others use it, and then it is removed. */
const documents = [
  "README.md",
  "docs/howto.md",
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
  /** It is one of the X display, and is to show more than text. */
  painted?: true;
  then: "Ctrl-C" | { endAppsIn: string };
  code: number;
  /** The lines that it prints for people. */
  said?: RegExp;
}

/** Longest wait for a window of a container that is made before. */
const provisioningMs = 180_000;

/** The home of a reader who installs things there. */
const readersHome = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(readersHome, { recursive: true }));

/** What `--doctor` finds, also where it finds containers that other tests make just now, in places of their own. */
interface Finds {
  finds: RegExp;
}

type Treatment = { skip: string } | { home: string } | Finds | Until;

/** How a command is run that is not simply run to its end, by how it starts. */
const special: readonly (readonly [start: string, treatment: Treatment])[] = [
  ["./create.ts --doctor", { finds: /^ok +Windows are shown over Wayland/m }],
  ["deno task test", { skip: "it is this run" }],
  ["deno task check", { skip: "this run has it" }],
  ["mkdir -p ~/.local/bin", { home: readersHome }],
  ["ln -sf", { home: readersHome }],
  ["xdg-desktop-menu install", { home: readersHome }],
  ["deno task demo", { window: "gui-container demo", painted: true, then: { endAppsIn: "demo" }, code: 0 }],
  [`./attach.ts ${container} firefox https://xkcd.com`, {
    window: `[${container}] `,
    then: "Ctrl-C",
    code: 130,
    said:
      /^Open channels: clipboard, sound, look, dialogs; windows over Wayland\nThe windows stay, and the app runs on, without dialogs\. To have that again: \S+ --session firefox \S+\. To end it: /,
  }],
  [`./attach.ts ${container} firefox --preset`, { window: `[${container}] `, then: { endAppsIn: container }, code: 0 }],
  [`./attach.ts ${container} -- sh`, { home }],
  [`./attach.ts ${container} --stop`, { home }],
  [`./attach.ts --display=x11 --detached ${container}`, { home }],
  [`./attach.ts ${container}`, { window: `[${container}] `, then: "Ctrl-C", code: 130 }],
];

/** The lines of the blocks marked `sh`, without comments, as they are run here. */
function commandsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^( *)```sh\n(.*?)^\1```$/gms)].flatMap(([, , block]) => block!.trim().split("\n"))
    .map((line) => forTheLab(line.trim().replace(/ +# .*$/, "")));
}

/** Where the lab differs from the reader's machine: names of its own, and Debian's Firefox. */
function forTheLab(command: string): string {
  return command
    .replaceAll("my-container", container)
    .replace("npx -y deno@2 task", "deno task")
    .replace("--mime e2e-readme firefox", "--mime e2e-readme firefox-esr");
}

const missing = missingParts(engine, ...new Set([...needed, ...waylandParts]));
const letter = join(home, "Documents", "letter.txt");
const before = missing ? [] : await instances();

/** Registers a test; it is ignored, with the reason in its name, where `skip` gives one. */
function test(name: string, skip: string | undefined, fn: () => Promise<void>): void {
  Deno.test({ name: `${name}${skip ? ` (skipped: ${skip})` : ""}`, ignore: skip !== undefined, fn });
}

/** The command by which README.md makes its container, and the one that removes it: the last to be run. */
const [making, removing] = ["./create.ts my-container", "./create.ts --delete"].map((start) =>
  commandsOf(Deno.readTextFileSync(join(root, "README.md"))).find((command) => command.startsWith(forTheLab(start)))!
);

for (const document of documents) {
  for (const command of commandsOf(await Deno.readTextFile(join(root, document)))) {
    if (command !== removing) testCommand(document, command);
  }
}
testCommand("README.md", removing!);

function testCommand(document: string, command: string): void {
  const [, treatment] = special.find(([start]) => command.startsWith(start)) ?? [];
  const skip = missing ?? (treatment && "skip" in treatment ? treatment.skip : undefined);
  test(`${document}: ${command}`, skip, async () => {
    if (command.includes(container) && command !== making) await needContainer();
    if (treatment && "finds" in treatment) await runDoctor(command, treatment);
    else if (treatment && "then" in treatment) await runUntil(command, treatment);
    else await runToEnd(command, treatment && "home" in treatment ? treatment.home : home);
  });
}

/** The lines of README.md that begin like this, in blocks that are not marked. */
function linesOf(start: string): string[] {
  const lines = Deno.readTextFileSync(join(root, "README.md")).split("\n");
  const found = lines.filter((line) => line.startsWith(`    ${start}`)).map((line) => line.trim());
  assert(found.length > 0, start);
  return found;
}

test("README.md: create.ts as a program for Deno takes files of the user's", missing, async () => {
  const name = `${container}-files`;
  const directory = await Deno.makeTempDir();
  const [line] = linesOf("deno run -A create.ts my-container ") as [string];
  try {
    await Deno.copyFile(publicKey, join(directory, "key.pub"));
    await Deno.copyFile(join(root, "profiles/gui.yaml"), join(directory, "profile.yaml"));
    await Deno.writeTextFile(join(directory, "firefox.yaml"), "#cloud-config\ndisable_root: true\n");
    const command = line.replace(" create.ts ", ` "${root}/create.ts" `).replace("my-container", name);
    const { code, stderr } = await runProcess(["/bin/sh", "-c", command], {
      ...options,
      cwd: directory,
      okCodes: "any",
    });
    assertEquals(code, 0, stderr);
  } finally {
    await Deno.remove(directory, { recursive: true });
    await removeContainer(engine, name);
  }
});

/** Why no binary can be made here; undefined where Deno's runtime for binaries can be had. */
async function whyNoBinary(): Promise<string | undefined> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(directory, "empty.ts"), "");
    const argv = [Deno.execPath(), "compile", "--quiet", "--no-check", "--output", join(directory, "empty")];
    const { code } = await runProcess([...argv, join(directory, "empty.ts")], { okCodes: "any", timeoutMs: 60_000 });
    return code === 0 ? undefined : "Deno's runtime for binaries cannot be downloaded";
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

test("README.md: deno compile makes three binaries", await whyNoBinary(), async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [line] = linesOf("for name in create attach map; do deno compile") as [string];
    const compile = line.replace("deno compile -A -o ", `deno compile -A --no-check -o "${directory}"/`);
    await sh(["bash", "-c", compile], options);
    for (const name of ["create", "attach", "map"]) {
      assertMatch(await sh([join(directory, `gui-${name}`), "--version"], options), /\d+\.\d+\.\d+$/);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

test("README.md: the aliases call all three scripts", undefined, async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.symlink(root, join(home, "gui-container"));
    const aliases = linesOf("alias ");
    const names = aliases.map((line) => /^alias (gui-\w+)=/.exec(line)![1]!);
    const shell = ["shopt -s expand_aliases", ...aliases, ...names.map((name) => `${name} --version`)];
    const printed = await sh(["bash", "-c", shell.join("\n")], { env: { HOME: home } });
    assertEquals(printed.split("\n").length, 3, printed);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

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

/** Makes the container, if this is a run of some of the commands. */
async function needContainer(): Promise<void> {
  if (!(await instances()).includes(container)) await runToEnd(making!, home);
}

const options = {
  cwd: root,
  env: { ...missing ? {} : desktop(), GUI_CONTAINER_ENGINE: engine, NO_COLOR: "1" },
} as const;

/** The same on the lab's X display, where the demo shows its window. */
const onX = { cwd: root, env: { GUI_CONTAINER_ENGINE: engine, NO_COLOR: "1" } } as const;

async function runToEnd(command: string, home: string): Promise<void> {
  const { code, stdout, stderr } = await runProcess(["/bin/sh", "-c", command], {
    ...options,
    env: { ...options.env, HOME: home },
    okCodes: "any",
  });
  assertEquals(code, 0, `${command}\n${stdout}${stderr}`);
}

async function runDoctor(command: string, { finds }: Finds): Promise<void> {
  const { stdout } = await runProcess(["/bin/sh", "-c", command], { ...options, okCodes: "any" });
  const ofOthers = new RegExp(`^broken .*"(?!${container}")[\\w.:-]+"`);
  const broken = stdout.split("\n").filter((line) => line.startsWith("broken") && !ofOthers.test(line));
  assertEquals(broken.join("\n"), "");
  assertMatch(stdout, finds);
}

async function runUntil(command: string, { window: title, painted: isOnX, then, code, said }: Until): Promise<void> {
  const running = startProcess(["/bin/sh", "-c", `exec ${command}`], isOnX ? onX : options);
  try {
    if (title !== undefined) {
      const shown = isOnX ? windowWith(title, { timeoutMs: provisioningMs }).then(painted) : windowOf(title);
      const ended = await Promise.race([shown, running.ended]);
      assert(ended === undefined, `${command} ended without a window\n${JSON.stringify(ended)}`);
    }
    if (then !== "Ctrl-C") await endApps(then.endAppsIn);
  } finally {
    if (then === "Ctrl-C") running.kill("SIGINT");
  }
  const ended = await running.ended;
  assertEquals(ended.code, code, `${command}\n${ended.stderr}`);
  if (said) assertMatch(ended.stderr, said);
}

/** Waits for a window on the Wayland desktop whose title begins like this. */
async function windowOf(title: string): Promise<void> {
  const isThere = async (): Promise<boolean> => (await windows()).some(({ name }) => name?.startsWith(title));
  await eventually(`a window called "${title}…"`, isThere, { timeoutMs: provisioningMs });
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
