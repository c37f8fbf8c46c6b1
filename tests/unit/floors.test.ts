// The house: which part of lib/ may import which. A floor knows only what is below it, and no wing knows another.

import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";

const root = fromFileUrl(new URL("../..", import.meta.url));

/** From the bottom up; the wings, one for each script, share the top floor. */
const floors = [["std"], ["base"], ["engine"], ["container"], ["cli"], ["create", "attach", "map"]];

/** The modules of a folder of lib/, those of folders in it included, by their paths. */
function modulesIn(folder: string): string[] {
  return [...Deno.readDirSync(join(root, folder))].flatMap(({ name, isDirectory }) =>
    isDirectory ? modulesIn(join(folder, name)) : name.endsWith(".ts") ? [join(folder, name)] : []
  );
}

/** The imports of a module from other folders of lib/, as `from -> to`. */
async function importsOf(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(join(root, path));
  const folder = path.split("/")[1]!;
  return [...text.matchAll(/\bfrom "(\.[^"]+)"/g)].flatMap(([, target]) => {
    const names = join(dirname(path), target!).split("/");
    return names[0] === "lib" && names[1] !== folder ? [`${folder} -> ${names[1]}`] : [];
  });
}

function isDown(arrow: string): boolean {
  const [from, to] = arrow.split(" -> ").map((folder) => floors.findIndex((floor) => floor.includes(folder!)));
  return to! >= 0 && to! < from!;
}

Deno.test("lib/: a floor imports only what is below it, and no wing imports another", async () => {
  const folders = [...Deno.readDirSync(join(root, "lib"))].map(({ name }) => name);
  assertEquals(folders.toSorted(), floors.flat().toSorted());
  const arrows = new Set((await Promise.all(modulesIn("lib").map(importsOf))).flat());
  assertEquals([...arrows].filter((arrow) => !isDown(arrow)), []);
});

Deno.test("only base/process starts a program", async () => {
  const starters: string[] = [];
  for (const path of modulesIn("lib")) {
    const text = await Deno.readTextFile(join(root, path));
    if (/\bDeno\.Command\b|node:child_process/.test(text)) starters.push(path);
  }
  assertEquals(starters, ["lib/base/process.ts"]);
});
