// Which files may be lent, and how their names in a container are made.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { InputError } from "../../../../lib/base/errors.ts";
import { checkFile, shortName } from "../../../../lib/container/lend/source_file.ts";

Deno.test("checkFile() takes files of the user's own, and of anybody for root", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = join(directory, "file");
    await Deno.writeTextFile(path, "");
    const { uid, gid } = await Deno.stat(path);
    const lend = async (user: number): Promise<void> => {
      (await checkFile(path, { user: { uid: user, gid: gid! }, shared: new Set() })).file.close();
    };
    await lend(uid!);
    await lend(0);
    await assertRejects(() => lend(uid! + 1), InputError, path);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("shortName() keeps the beginning of a name, and a short extension, and splits no character", () => {
  assertEquals(shortName("a.txt", 5), "a.txt");
  assertEquals(shortName("abcdef.txt", 7), "abc.txt");
  assertEquals(shortName("äöü", 5), "äö");
  assertEquals(shortName("a-b", 3), "a-", "a hyphen counts twice");
});
