import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { containerNames, isContainerName, isSessionName, sessionNames } from "../../../lib/container/names.ts";
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

Deno.test("sessionNames() are those of sockets, and containerNames() those of directories with pinned host keys", async () => {
  const root = await Deno.makeTempDir();
  const sockets = join(root, "box/xpra");
  await Deno.mkdir(sockets, { recursive: true });
  await Deno.mkdir(join(root, "not-ours/xpra"), { recursive: true });
  await Deno.writeTextFile(join(root, "box/known_hosts"), "");
  await Deno.writeTextFile(join(root, "file"), "");
  using _ = Deno.listen({ transport: "unix", path: join(sockets, "firefox") });
  using _other = Deno.listen({ transport: "unix", path: join(sockets, "$(id)") });
  try {
    await Deno.writeTextFile(join(sockets, "file"), "");
    await Deno.symlink("firefox", join(sockets, "link"));
    assertEquals(await sessionNames(sockets), ["firefox"]);
    assertEquals(await containerNames(root), ["box"]);
    assertEquals([await sessionNames(join(root, "none")), await containerNames(join(root, "none"))], [[], []]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
