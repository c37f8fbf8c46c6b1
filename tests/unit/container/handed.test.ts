// Files that one container hands over to another one: how the other run knows them.

import { assertEquals } from "@std/assert";
import { isHanded } from "../../../lib/container/handed.ts";

Deno.test("a file is one that a run hands over by its path, however the root of the directories is written", () => {
  for (const root of ["/m", "/m/", "//m", "/m/./", "/x/../m"]) {
    const host = { env: (name: string) => name === "GUI_CONTAINER_MOUNTS" ? root : undefined };
    const paths = ["/m/.attach-7/file-1.out/a.pdf", "/m/.attach-7/file-1/a.pdf", "/n/.attach-7/file-1.out/a.pdf"];
    assertEquals(paths.map((path) => isHanded(host, path)), [true, false, false], root);
  }
});
