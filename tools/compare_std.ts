/**
 * Compares what is used of `npm:deno-std`, a copy of Deno's standard library, with that library's own sources:
 *
 *     deno task compare-std [CHECKOUT]
 *
 * CHECKOUT has `https://github.com/denoland/std` at {@linkcode release}; without it, git fetches that. Each module of
 * `lib/std` and `tests/std` is bundled twice, once with the copy and once with the sources. Minified, both must be the
 * same: without types, comments, and how their lines are broken.
 */

import { basename, fromFileUrl, join } from "@std/path";
import { runProcess } from "../lib/base/process.ts";

/** The release of which the copy is one. */
const release = "release-2026.07.30";
const repository = "https://github.com/denoland/std";

const root = fromFileUrl(new URL("..", import.meta.url));

/** What the names of all modules of the library mean in a checkout: those that its own modules use for each other. */
async function namesIn(checkout: string): Promise<Record<string, string>> {
  const names: Record<string, string> = {};
  for await (const { name: directory, isDirectory } of Deno.readDir(checkout)) {
    if (!isDirectory) continue;
    const config = await Deno.readTextFile(join(checkout, directory, "deno.json")).catch(() => undefined);
    if (config === undefined) continue;
    const { name, exports } = JSON.parse(config) as { name: string; exports: string | Record<string, string> };
    for (const [own, path] of Object.entries(typeof exports === "string" ? { ".": exports } : exports)) {
      names[join(name, own)] = join(checkout, directory, path);
    }
  }
  return names;
}

/** A module with all that it imports, minified. `config`: a file for the import map. */
async function bundled(
  path: string,
  { config, imports }: { config: string; imports: Record<string, string> },
): Promise<string> {
  await Deno.writeTextFile(config, JSON.stringify({ imports }));
  const argv = ["bundle", "--quiet", "--minify", "--no-check", "--no-lock", "--config", config, path];
  return (await runProcess([Deno.execPath(), ...argv])).stdout;
}

async function modules(): Promise<string[]> {
  const found: string[] = [];
  for (const directory of ["lib/std", "tests/std"]) {
    for await (const { name } of Deno.readDir(join(root, directory))) {
      if (name.endsWith(".js")) found.push(join(root, directory, name));
    }
  }
  return found.sort();
}

async function compare(checkout: string, config: string): Promise<{ module: string; isSame: boolean }[]> {
  const names = await namesIn(checkout);
  const { imports } = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  const results = [];
  for (const path of await modules()) {
    const used = [...(await Deno.readTextFile(path)).matchAll(/"(deno-std\/(.*)\.js)"/g)];
    const sources = Object.fromEntries(used.map(([, name, file]) => [name, join(checkout, `${file}.ts`)]));
    const copy = await bundled(path, { config, imports: { "deno-std/": imports["deno-std/"] } });
    const own = await bundled(path, { config, imports: { ...names, ...sources } });
    results.push({ module: `@std/${basename(path, ".js")}`, isSame: copy === own });
  }
  return results;
}

if (import.meta.main) {
  const directory = await Deno.makeTempDir();
  try {
    const checkout = Deno.args[0] ?? join(directory, "std");
    if (Deno.args.length === 0) {
      await runProcess(["git", "clone", "--quiet", "--depth", "1", "--branch", release, repository, checkout]);
    }
    const results = await compare(checkout, join(directory, "deno.json"));
    // deno-lint-ignore no-console
    for (const { module, isSame } of results) console.log(`${module}: ${isSame ? "the same" : "NOT the same"}`);
    if (results.some(({ isSame }) => !isSame)) Deno.exitCode = 1;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
