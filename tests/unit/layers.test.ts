// Which part of lib/ may import which: cli over container over engine over base, guard over base alone, the wings on top.

import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";

const root = fromFileUrl(new URL("../..", import.meta.url));

const below: Readonly<Record<string, readonly string[]>> = {
  std: [],
  base: ["std"],
  guard: ["base", "std"],
  engine: ["base", "std"],
  container: ["engine", "base", "std"],
  cli: ["container", "engine", "base", "std"],
};
const wings = ["create", "attach", "map"];
const allLayers = Object.keys(below);

function modulesIn(folder: string): string[] {
  return [...Deno.readDirSync(join(root, folder))].flatMap(({ name, isDirectory }) =>
    isDirectory ? modulesIn(join(folder, name)) : name.endsWith(".ts") ? [join(folder, name)] : []
  );
}

Deno.test("a folder of lib/ imports only what is below it, and no wing imports another", async () => {
  const folders = [...Deno.readDirSync(join(root, "lib"))].map(({ name }) => name);
  assertEquals(folders.toSorted(), [...allLayers, ...wings].toSorted());
  const wrong: string[] = [];
  for (const path of modulesIn("lib")) {
    const from = path.split("/")[1]!;
    for (const [, target] of (await Deno.readTextFile(join(root, path))).matchAll(/\bfrom "(\.[^"]+)"/g)) {
      const [root, to] = join(dirname(path), target!).split("/");
      if (root === "lib" && to !== from && !(below[from] ?? allLayers).includes(to!)) {
        wrong.push(`${path} imports lib/${to}`);
      }
    }
  }
  assertEquals(wrong, []);
});

Deno.test("only base/process starts a program", async () => {
  const starters: string[] = [];
  for (const path of modulesIn("lib")) {
    const text = await Deno.readTextFile(join(root, path));
    if (/\bDeno\.Command\b|node:child_process/.test(text)) starters.push(path);
  }
  assertEquals(starters, ["lib/base/process.ts"]);
});
