/**
 * Removes what a test run that was killed has left: instances, profiles, directories and menu entries with `e2e-` in
 * their names, on each server of each engine, and images that `create.ts --cache` has kept. Nothing else in the lab is
 * called so. And the demo's container: a test makes it anew.
 */

import { join } from "@std/path";
import { type ProcessOptions, runProcess } from "../../lib/base/process.ts";
import { clusterEnvironment, type EngineName, engineNames, missingParts } from "../lab/state.ts";
import { mountsRoot } from "./run.ts";

/** What create.ts marks the images with that it keeps. */
const cacheMark = "user.gui-container.recipe";

const home = Deno.env.get("HOME")!;

async function sweepServer(engine: EngineName, remote = ""): Promise<void> {
  const options: ProcessOptions = { okCodes: "any", env: remote === "" ? {} : clusterEnvironment() };
  const ask = async <T>(path: string): Promise<T[]> => {
    const { code, stdout } = await runProcess([engine, "query", `${remote}/1.0/${path}`], options);
    // A server that does not run answers with the usage of its CLI. Nothing on it is in the way.
    return code === 0 ? JSON.parse(stdout) : [];
  };
  const remove = (...argv: string[]): Promise<unknown> =>
    runProcess([engine, ...argv], { ...options, output: "inherit" });
  for (const kind of ["instances", "profiles"] as const) {
    const names = (await ask<string>(kind)).map((url) => url.split("/").at(-1)!.replace(/\?.*/, ""));
    for (const name of names.filter((name) => name.startsWith("e2e-") || name === "demo")) {
      await (kind === "instances"
        ? remove("delete", "--force", `${remote}${name}`)
        : remove("profile", "delete", `${remote}${name}`));
    }
  }
  const images = await ask<{ fingerprint: string; properties: Record<string, string> | null }>("images?recursion=1");
  for (const { fingerprint, properties } of images) {
    if (properties?.[cacheMark] !== undefined) await remove("image", "delete", `${remote}${fingerprint}`);
  }
}

async function sweepDirectory(
  directory: string,
  isOurs = (name: string): boolean => /^demo$|(^|[:_])e2e-/.test(name),
): Promise<void> {
  for await (const { name } of readDirectory(directory)) {
    if (!isOurs(name)) continue;
    const path = join(directory, name);
    // Some tests close a directory to their user.
    await runProcess(["chmod", "--recursive", "u+rwX", "--", path], { okCodes: "any" });
    // What a container's user has closed, only root can remove. The rest is swept all the same.
    await Deno.remove(path, { recursive: true }).catch(({ message }) => warn(`Left: ${message}`));
  }
}

function warn(message: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${message}\n`));
}

async function* readDirectory(path: string): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

for (const engine of engineNames) if (!missingParts(engine)) await sweepServer(engine);
for (
  const [engine, remote, part] of [["incus", "m1:", "cluster"], ["incus", "far:", "far"], [
    "lxc",
    "lxdfar:",
    "lxdfar",
  ]] as const
) {
  if (!missingParts(part)) await sweepServer(engine, remote);
}
for (const directory of [mountsRoot, home]) await sweepDirectory(directory);
const data = join(home, ".local/share");
for (const directory of ["applications", "gui-container"]) {
  await sweepDirectory(join(data, directory), (name) => name.includes("e2e-"));
}
