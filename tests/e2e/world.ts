/** What the end-to-end tests have in common: the engines at hand, the scripts as their user runs them, and waiting. */

import { fromFileUrl, join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { type ProcessOptions, type RunningProcess, runProcess, startProcess } from "../../lib/base/process.ts";
import { endMark, lostAnswer } from "../../lib/engine/instance.ts";
import { type EngineName, engineNames, missingParts, type PartName } from "../lab/state.ts";

export type { EngineName };

/** The checkout. */
export const root = fromFileUrl(new URL("../..", import.meta.url));

/** The user's key pair, as `lab run` provides it. */
export const publicKey = join(Deno.env.get("HOME")!, ".ssh", "id_ed25519.pub");

/** Where the scripts put their directories. */
export const mountsRoot = Deno.env.get("GUI_CONTAINER_MOUNTS") ?? join(Deno.env.get("HOME")!, "container_mounts");

// Each file has records of its own of what is lent: `map.ts --list` and `--unmap` mean all of them, and other files run
// at the same time.
const state = await Deno.makeTempDir({ dir: Deno.env.get("HOME")!, prefix: "e2e-state-" });
Deno.env.set("XDG_STATE_HOME", state);
globalThis.addEventListener("unload", () => {
  try {
    Deno.removeSync(state, { recursive: true });
  } catch (error) {
    // The sweep has taken its own.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
});

/** What the tests of a file share on an engine, such as a container. */
export interface Fixture {
  /** Makes it. */
  make(engine: EngineName): Promise<unknown>;
  /** Removes it. */
  remove(engine: EngineName): Promise<unknown>;
}

let shared: Fixture | undefined;

/** The engines on which {@linkcode shared} is made. */
const made = new Map<EngineName, Promise<unknown>>();

/**
 * Has the tests of this file share something on each engine: it is made before the first of them that runs there,
 * whichever that is, and removed after the last.
 */
export function shareOnEngines(fixture: Fixture): void {
  shared = fixture;
  Deno.test.afterAll(async () => {
    for (const engine of made.keys()) await fixture.remove(engine);
  });
}

/** Makes what is shared on this engine, if it is not there yet. */
export async function makeShared(engine: EngineName): Promise<void> {
  if (!made.has(engine)) made.set(engine, Promise.resolve(shared?.make(engine)));
  await made.get(engine);
}

/** Removes what is shared on this engine after a test that has failed: the next one gets it anew, whatever that left. */
async function discardShared(engine: EngineName): Promise<void> {
  // What the test did not wait for fails now as well, and would end the whole file.
  globalThis.addEventListener("unhandledrejection", (event) => event.preventDefault());
  // Some check that no session is left, which does not count any more. The next one removes the rest first.
  if (made.delete(engine)) await shared?.remove(engine).catch(() => {});
}

/**
 * Registers a test once for each engine, or for those that are named. Where a part of the lab is missing the test is
 * ignored, with the reason in its name.
 */
export function testOnEngines(
  name: string,
  parts: readonly PartName[],
  test: (engine: EngineName) => Promise<void>,
  engines: readonly EngineName[] = engineNames,
): void {
  for (const engine of engines) {
    const missing = missingParts(engine, ...parts);
    Deno.test({
      name: `${engine}: ${name}${missing ? ` (skipped: ${missing})` : ""}`,
      ignore: missing !== undefined,
      async fn() {
        await makeShared(engine);
        await test(engine).catch(async (error) => {
          await discardShared(engine);
          throw error;
        });
      },
    });
  }
}

/** Runs a script as its user does: with the permissions in its first lines. */
export function script(
  name: "create" | "attach" | "map",
  engine: EngineName,
  args: readonly string[],
  options: Partial<ProcessOptions> = {},
): Promise<ProcessResult> {
  return runProcess([join(root, `${name}.ts`), `--engine=${engine}`, ...args], {
    okCodes: "any",
    ...options,
  });
}

/** Starts a script without waiting for it. */
export function startScript(
  name: "create" | "attach" | "map",
  engine: EngineName,
  args: readonly string[],
  options: Partial<ProcessOptions> = {},
): RunningProcess {
  return startProcess([join(root, `${name}.ts`), `--engine=${engine}`, ...args], { ...options });
}

/** What runs a program in a container until its answer is here; see `holding` in lib/engine/instance.ts. */
const holding = ["/bin/sh", "-c", `"$@" </dev/null; code=$?; printf '\\004'; read -r _; exit $code`, "sh"];

/** Runs a program, whatever its exit status. What one prints that an engine runs in a container is whole. */
export async function attempt(
  argv: readonly string[],
  options: Partial<ProcessOptions> = {},
): Promise<ProcessResult> {
  const command = argv.indexOf("--") + 1;
  const isHeld = argv[1] === "exec" && command > 0 && options.stdin === undefined;
  if (!isHeld) return await runProcess(argv, { ...options, okCodes: "any" });
  const held = { ...options, stdin: { openUntil: endMark }, okCodes: "any" } as const;
  for (let tries = 1;; tries++) {
    const result = await runProcess(argv.toSpliced(command, 0, ...holding), held);
    if (result.stdout.endsWith(endMark)) return { ...result, stdout: result.stdout.slice(0, -endMark.length) };
    // Not where it has run: it may append to a file.
    if (lostAnswer.test(result.stderr) && tries < 3) continue;
    if (result.code === 0) throw new Error(`${argv.join(" ")}: its answer is lost`);
    return result;
  }
}

/** Runs a program; its exit status must be 0. Returns what it prints, without the last line end. */
export async function sh(argv: readonly string[], options: Partial<ProcessOptions> = {}): Promise<string> {
  const { code, stdout, stderr } = await attempt(argv, options);
  if (code === 0) return stdout.replace(/\n$/, "");
  throw new Error(`${argv.join(" ")}: exit status ${code}: ${stderr}${stdout}`);
}

/** Runs a shell script as the container user, in a container. */
export function inContainer(engine: EngineName, name: string, shell: string, ...args: string[]): Promise<string> {
  return sh([
    engine,
    "exec",
    name,
    "--mode=non-interactive",
    "--user=1000",
    "--group=1000",
    "--env=HOME=/home/ubuntu",
    "--env=XDG_RUNTIME_DIR=/run/user/1000",
    "--cwd=/home/ubuntu",
    "--",
    "/bin/sh",
    "-ec",
    shell,
    "sh",
    ...args,
  ]);
}

/**
 * Waits until `probe` gives something, and returns that. A probe that reads a file which does not exist yet has found
 * nothing. Fails after `timeoutMs`.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  { timeoutMs = 40_000 } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe().catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * The X ids, or the titles, of the visible windows whose title matches a regular expression, on the display of `env` or
 * ours. xdotool fails when a window goes while it looks: then it looks again.
 */
export async function xWindows(
  title: string,
  { show = "ids", env = {} }: { show?: "ids" | "titles"; env?: Record<string, string> } = {},
): Promise<string[]> {
  const argv = ["xdotool", "search", "--onlyvisible", "--name", title];
  return await eventually("a look at all windows", async () => {
    const { stdout, stderr } = await runProcess(show === "ids" ? argv : [...argv, "getwindowname", "%@"], {
      okCodes: "any",
      env,
    });
    return !stderr.includes("BadWindow") && stdout.split("\n").slice(0, -1);
  });
}

/** The X id of the visible window whose title contains `title`, on the display of `env` or ours. */
export function windowWith(
  title: string,
  { env = {}, ...options }: { timeoutMs?: number; env?: Record<string, string> } = {},
): Promise<string> {
  return eventually(
    `a window with "${title}" in its title`,
    async () => (await xWindows(title, { env }))[0],
    options,
  );
}

/** Waits until a window shows more than a flat colour or two. */
export async function painted(window: string): Promise<void> {
  await eventually(`a picture in the window ${window}`, async () => {
    const { stdout } = await runProcess(["sh", "-c", `import -window ${window} png:- | identify -format %k -`], {
      okCodes: "any",
    });
    return Number(stdout) > 16;
  }, { timeoutMs: 60_000 });
}

/** Makes a container with create.ts for the tests of one file, and first removes one that a killed run has left. */
export async function makeContainer(
  engine: EngineName,
  name: string,
  cloudInit = "#cloud-config\ndisable_root: true\n",
  options: readonly string[] = ["--image=gui-lab"],
): Promise<void> {
  await removeContainer(engine, name);
  const directory = await Deno.makeTempDir();
  try {
    const file = join(directory, "test.yaml");
    await Deno.writeTextFile(file, cloudInit);
    const result = await script("create", engine, [
      ...options,
      "--yes",
      name,
      publicKey,
      join(root, "profiles/gui.yaml"),
      file,
    ]);
    if (result.code !== 0) throw new Error(`create.ts failed: ${result.stderr}`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/**
 * Has the tests of this file share a container on each engine, `e2e-WORD-ENGINE`.
 *
 * @param options `cloudInit`: what it is made with; `prepare`: does the rest before the first test
 * @returns its name on an engine
 */
export function shareContainer(
  word: string,
  { cloudInit, prepare }: { cloudInit?: string; prepare?: (engine: EngineName, name: string) => Promise<unknown> } = {},
): (engine: EngineName) => string {
  const nameOn = (engine: EngineName): string => `e2e-${word}-${engine}`;
  shareOnEngines({
    make: async (engine) => {
      await makeContainer(engine, nameOn(engine), cloudInit);
      await prepare?.(engine, nameOn(engine));
    },
    remove: (engine) => removeContainer(engine, nameOn(engine)),
  });
  return nameOn;
}

/** Removes a container of the tests, whatever state it is in. */
export async function removeContainer(engine: EngineName, name: string): Promise<void> {
  await script("create", engine, ["--delete", "--force", name]);
}
