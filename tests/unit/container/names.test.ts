import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { containerNames, isContainerName, isSessionName } from "../../../lib/container/names.ts";
import { awkwardWords, randomWords } from "../samples.ts";

Deno.test("isSessionName() takes no name that a shell or a path would take for more than a word", () => {
  const words = [...awkwardWords, ...randomWords(2_000, 7)];
  assertEquals(words.filter((word) => isSessionName(word) && !/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(word)), []);
  assertEquals(["firefox", "xterm-2", "a.b", "9"].filter(isSessionName).length, 4);
  assertEquals(["", ".", "..", "a/b", "-a", "a\n", "a.log", "x".repeat(65)].filter(isSessionName), []);
});

Deno.test("isContainerName() takes names with and without a remote, and nothing that a shell or a path would take for more", () => {
  const words = [...awkwardWords, ...randomWords(2_000, 9)];
  assertEquals(words.filter((word) => isContainerName(word) && !/^[A-Za-z0-9.:-]+$/.test(word)), []);
  assertEquals(["box", "big:box", "my.server:box"].filter(isContainerName).length, 3);
  assertEquals(["", ":", "big:", ":box", "a:b:c", "../x:box", "big:work_box", "big:../x"].filter(isContainerName), []);
});

Deno.test("containerNames() are those of directories with pinned host keys", async () => {
  const root = await Deno.makeTempDir();
  await Deno.mkdir(join(root, "box"), { recursive: true });
  await Deno.mkdir(join(root, "not-ours/xpra"), { recursive: true });
  await Deno.writeTextFile(join(root, "box/known_hosts"), "");
  await Deno.writeTextFile(join(root, "file"), "");
  try {
    assertEquals(await containerNames(root), ["box"]);
    assertEquals(await containerNames(join(root, "none")), []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
