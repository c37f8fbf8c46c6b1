// The table of ends names a test that is there, or a reason, in each cell.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

const directory = fromFileUrl(new URL("../../e2e", import.meta.url));

/** The rows of each table of a text, as cells, without the head. */
function tablesOf(markdown: string): string[][][] {
  return [...markdown.matchAll(/^\|.*\n\| ---.*\n((?:\|.*\n)+)/gm)].map(([, rows]) =>
    rows!.trimEnd().split("\n").map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()))
  );
}

Deno.test("tests/e2e/ends.md: each end of each way has a test that is there, or a reason", async () => {
  const [x11, wayland, tests, reasons] = tablesOf(await Deno.readTextFile(join(directory, "ends.md")));
  const words = new Set<string>();
  for (const [word, file, name] of tests!) {
    const text = await Deno.readTextFile(join(directory, file!.replaceAll("`", "")));
    assert(text.includes(name!), `${file} has no test called "${name}"`);
    words.add(word!);
  }
  for (const [word, reason] of reasons!) {
    assert(reason!.length > 20, word);
    words.add(word!);
  }
  const used = new Set<string>();
  for (const rows of [x11!, wayland!]) {
    assertEquals(rows.map(([end]) => end), x11!.map(([end]) => end));
    for (const [end, ...cells] of rows) {
      assertEquals(cells.length, 5, end);
      for (const cell of cells) {
        assert(words.has(cell), `${end}: "${cell}"`);
        used.add(cell);
      }
    }
  }
  assertEquals([...words].filter((word) => !used.has(word)), []);
});
