/** Parts of suites that need an engine: scripts that the lab's user runs, and what they hand back. */

import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { type DesktopName, type EngineName, engineNames, missingParts, seatNames, seatVariable } from "../lab/state.ts";
import { makeContainer, removeContainer } from "../e2e/world.ts";
import { Missing, type Result, type Results } from "./suite.ts";

const path = (name: string): string => fromFileUrl(new URL(name, import.meta.url));

/**
 * Has the lab's user run a script of this folder on each engine, or on those named, which hands results back by {@linkcode handBack}.
 *
 * @throws {Missing} when the lab is not up
 */
export async function onEngines(
  script: string,
  args: readonly string[],
  { desktop = "x11", engines = engineNames }: { desktop?: DesktopName; engines?: readonly EngineName[] } = {},
): Promise<Results> {
  const results: Results = new Map();
  for (const engine of engines) {
    const lack = missingParts(engine, "user", ...desktop === "wayland" ? ["wayland" as const] : []);
    if (lack) throw new Missing(`${engine}: ${lack}`);
    const deno = ["run", "-A", "--no-check"];
    const where = ["--seat", Deno.env.get(seatVariable) ?? seatNames[0], "--engine", engine, "--desktop", desktop];
    const lab = [Deno.execPath(), ...deno, path("../lab/main.ts"), "run", ...where, "--"];
    const argv = [...lab, "deno", ...deno, path(script), engine, ...args];
    const { code, stdout, stderr } = await runProcess(argv, { okCodes: "any" });
    const lines = stdout.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    for (const { name, ...result } of lines) results.set(`${engine}: ${name}`, result);
    if (code !== 0) results.set(`${engine}: ${script}`, { isPassed: false, said: stderr.trim() });
  }
  return results;
}

/** Hands a result back. For the scripts. */
export function handBack(name: string, result: Result): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify({ name, ...result })}\n`));
}

/** Makes a container that is gone with the scope. For the scripts. */
export async function container(engine: EngineName, word: string): Promise<AsyncDisposable & { name: string }> {
  const name = `strangers-${word}-${engine}`;
  await makeContainer(engine, name);
  return { name, [Symbol.asyncDispose]: () => removeContainer(engine, name) };
}

/** Power is lost: what was not written to disk is gone. For the scripts, which get LazyFS's directory. */
export async function losePower(lazyfs: string): Promise<void> {
  const done = Deno.open(join(lazyfs, "done"));
  await Deno.writeTextFile(join(lazyfs, "fifo"), "lazyfs::clear-cache\n");
  using end = await done;
  if (!await end.read(new Uint8Array(100))) throw new Error("LazyFS has ended");
}
