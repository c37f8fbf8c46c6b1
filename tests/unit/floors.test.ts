// The house: which part of lib/ may import which. A floor knows only what is below it, and no wing knows another.

import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";

const root = fromFileUrl(new URL("../..", import.meta.url));

/** From the bottom up; the wings, one for each script, share the top floor. */
const floors = [["std"], ["base"], ["engine"], ["container"], ["cli"], ["create", "attach", "map"]];

/** The imports of a module from other folders of lib/, as `from -> to`. */
async function importsOf(folder: string, file: string): Promise<string[]> {
  const text = await Deno.readTextFile(join(root, "lib", folder, file));
  return [...text.matchAll(/\bfrom "(\.[^"]+)"/g)].flatMap(([, path]) => {
    const target = join(dirname(`lib/${folder}/${file}`), path!).split("/");
    return target[0] === "lib" && target[1] !== folder ? [`${folder} -> ${target[1]}`] : [];
  });
}

function isDown(arrow: string): boolean {
  const [from, to] = arrow.split(" -> ").map((folder) => floors.findIndex((floor) => floor.includes(folder!)));
  return to! >= 0 && to! < from!;
}

Deno.test("lib/: a floor imports only what is below it, and no wing imports another", async () => {
  const arrows = new Set<string>();
  const folders = [...Deno.readDirSync(join(root, "lib"))].map(({ name }) => name);
  assertEquals(folders.toSorted(), floors.flat().toSorted());
  for (const folder of folders) {
    for (const { name, isFile } of Deno.readDirSync(join(root, "lib", folder))) {
      if (isFile && name.endsWith(".ts")) { for (const arrow of await importsOf(folder, name)) arrows.add(arrow); }
    }
  }
  assertEquals([...arrows].filter((arrow) => !isDown(arrow)), []);
});

Deno.test("only base/process starts a program", async () => {
  const starters: string[] = [];
  for (const folder of floors.flat()) {
    for (const { name } of Deno.readDirSync(join(root, "lib", folder))) {
      const path = join("lib", folder, name);
      if (
        /\.ts$/.test(name) && /\bDeno\.Command\b|node:child_process/.test(await Deno.readTextFile(join(root, path)))
      ) {
        starters.push(path);
      }
    }
  }
  assertEquals(starters, ["lib/base/process.ts"]);
});
