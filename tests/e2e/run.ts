/** Running the scripts and other programs as the lab's user does, on the host and in containers, and waiting for them. */

import { fromFileUrl, join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { type ProcessOptions, type RunningProcess, runProcess, startProcess } from "../../lib/base/process.ts";
import { endMark, lostAnswer } from "../../lib/engine/exec.ts";
import type { EngineName } from "../lab/state.ts";

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

/** A run of a script: its command line, what it has said, and its exit status once it has ended. */
interface ScriptRun {
  argv: readonly string[];
  said: string[];
  code?: number;
}

/** The runs of scripts since a test has begun. */
export const scriptRuns: ScriptRun[] = [];

/** Runs a script as its user does: with the permissions in its first lines. */
export async function script(
  name: "create" | "attach" | "map",
  engine: EngineName,
  args: readonly string[],
  options: Partial<ProcessOptions> = {},
): Promise<ProcessResult> {
  const run = noteRun([join(root, `${name}.ts`), `--engine=${engine}`, ...args]);
  const result = await runProcess(run.argv, { okCodes: "any", ...options });
  run.said.push(...`${result.stdout}${result.stderr}`.split("\n"));
  run.code = result.code;
  return result;
}

/** Starts a script without waiting for it. */
export function startScript(
  name: "create" | "attach" | "map",
  engine: EngineName,
  args: readonly string[],
  options: Partial<ProcessOptions> = {},
): RunningProcess {
  const run = noteRun([join(root, `${name}.ts`), `--engine=${engine}`, ...args]);
  const process = startProcess(run.argv, { output: { line: (line) => run.said.push(line) }, ...options });
  process.ended.then(({ code }) => run.code = code, () => {});
  return process;
}

function noteRun(argv: readonly string[]): ScriptRun {
  const run = { argv, said: [] };
  scriptRuns.push(run);
  return run;
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
  const held = { ...options, openUntil: endMark, okCodes: "any" } as const;
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

/** How much of a processor each process that wants one has now: 1 on a machine that is not busy; a quarter at least. */
function processorShare(): number {
  const runnable = Number(/(\d+)\/\d+ \d+\s*$/.exec(Deno.readTextFileSync("/proc/loadavg"))?.[1]);
  return Math.min(1, Math.max(0.25, navigator.hardwareConcurrency / runnable));
}

/**
 * Waits until `probe` gives something, and returns that. A probe that reads a file which does not exist yet has found
 * nothing. Fails after `timeoutMs` of a machine that is not busy; on one that is, after so much more.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  { timeoutMs = 40_000 } = {},
): Promise<T> {
  let waitedMs = 0;
  for (let lookedMs = performance.now();;) {
    const found = await probe().catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    if (found !== undefined && found !== false) return found;
    const nowMs = performance.now();
    waitedMs += (nowMs - lookedMs) * processorShare();
    lookedMs = nowMs;
    if (waitedMs > timeoutMs) throw new Error(`Not within ${timeoutMs / 1000} s: ${what}`);
    // Each look costs the processor, which other tests want, too.
    await new Promise((resolve) => setTimeout(resolve, Math.min(200, 50 + waitedMs / 20)));
  }
}
