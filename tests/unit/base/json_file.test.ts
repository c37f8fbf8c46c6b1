import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { parseTable, readJson, writeJson } from "../../../lib/base/json_file.ts";

Deno.test("a record is whole or not there, for its user alone; a torn one is null", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = join(directory, "record");
    assertEquals(await readJson(path), undefined);
    await writeJson(path, { text: "it's\n" });
    await writeJson(path, { text: "short" });
    assertEquals(await readJson(path), { text: "short" });
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["record"]);
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    for (const torn of ['{"text":"sh', ""]) {
      await Deno.writeTextFile(path, torn);
      assertEquals(await readJson(path), null);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a record that cannot be written is named, stays as it was, and nothing is left beside it", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = join(directory, "record");
    await writeJson(path, { text: "before" });
    const onFullDisk = {
      toJSON() {
        throw new Error("No space left");
      },
    };
    await assertRejects(() => writeJson(path, onFullDisk), Error, `No space left: "${path}"`);
    assertEquals(await readJson(path), { text: "before" });
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["record"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("parseTable() reads objects and lists, and nothing else", () => {
  assertEquals(parseTable('{"a":1}'), { a: 1 });
  assertEquals(parseTable("[1]")?.[0], 1);
  for (const other of ["", "{", "null", "1", '"{}"']) assertEquals(parseTable(other), undefined);
});
