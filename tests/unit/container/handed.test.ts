// Files that one container hands over to another one: how the other run knows them.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { findVersion, isHanded, versionOf } from "../../../lib/container/handed.ts";

Deno.test("a file is one that a run hands over by its path, however the root of the directories is written", () => {
  for (const root of ["/m", "/m/", "//m", "/m/./", "/x/../m"]) {
    const host = { env: (name: string) => name === "GUI_CONTAINER_MOUNTS" ? root : undefined };
    const paths = ["/m/.attach-7/file-1.out/a.pdf", "/m/.attach-7/file-1/a.pdf", "/n/.attach-7/file-1.out/a.pdf"];
    assertEquals(paths.map((path) => isHanded(host, path)), [true, false, false], root);
  }
});

Deno.test("what has become of a file is found whatever its container's remote is called, once it is whole", async () => {
  for (const label of ["box", "far:box", "10.0.0.5:box", "far.example.org:box-d1a2b3"]) {
    const directory = await Deno.makeTempDir();
    try {
      const path = versionOf(join(directory, "a.txt"), label);
      for (const name of [join(directory, "a.txt"), `${path}.part`]) await Deno.writeTextFile(name, "");
      assertEquals(await findVersion(directory), undefined, label);
      await Deno.writeTextFile(path, "");
      assertEquals(await findVersion(directory), { path, madeIn: label });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }
});
