// Which files a list names that is dropped on a window, or dragged out of one.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { listOf, pathsIn, refuseHidden } from "../../../lib/channels/file_list.ts";
import { UserError } from "../../../lib/base/errors.ts";

const read = (list: string): string[] => pathsIn(list, 'dropped on "box"');

Deno.test("a list names files of this host, by their URIs", () => {
  for (
    const [list, ...paths] of [
      ["", ...[]],
      ["# a comment\r\n\r\n", ...[]],
      ["file:///a/b\r\nfile:///c\r\n", "/a/b", "/c"],
      ["file:///a\nfile://localhost/b", "/a", "/b"],
      ["FILE:/a", "/a"],
      ["file:///a%20b%0A%25%3F%23%c3%a4", "/a b\n%?#\u00e4"],
      ["file:///a b\u00e4", "/a b\u00e4"],
    ] as const
  ) assertEquals(read(list), paths, list);
});

Deno.test("a list that names anything else names nothing", () => {
  for (
    const line of [
      ...["https://example.org/a", "sftp://there/a", "file://there/a", "file:a", "file:", "file:////there/a"],
      ...["/a", "a", "file:///a%00b", "file:///a%ff", "file:///a%2", "file:///a?b", "file:///a#b", " file:///a", "\0"],
    ]
  ) assertThrows(() => read(`file:///a\r\n${line}\r\n`), UserError, "file of this host");
  for (const path of ["/home/me/.bashrc", "/home/me/.ssh/id", "/home/me/%2Ebashrc", "/home/me/a/../%2e./x"]) {
    assertThrows(() => read(`file:///a\r\nfile://${path}`), UserError, "is hidden");
  }
  const most = Array.from({ length: 64 }, (_, at) => `file:///${at}`);
  assertEquals(read(most.join("\r\n")).length, 64);
  assertThrows(() => read([...most, "file:///a"].join("\r\n")), UserError, "More than 64 files");
  assertThrows(() => read(`file:///${"a".repeat(2 ** 16)}`), UserError, "too long a list");
});

Deno.test("no link leads to a hidden file, or into a hidden directory", async () => {
  const home = await Deno.makeTempDir();
  try {
    const [plain, letter, keys, dotfiles] = ["letter.txt", "letter", "keys", "dotfiles"].map((name) =>
      join(home, name)
    ) as [
      string,
      string,
      string,
      string,
    ];
    await Deno.mkdir(join(home, ".ssh"));
    await Deno.writeTextFile(join(home, ".ssh/id"), "");
    await Deno.writeTextFile(plain, "");
    await Deno.symlink(plain, letter);
    await Deno.symlink(join(home, ".ssh/id"), keys);
    await Deno.symlink(".ssh", dotfiles);
    await refuseHidden([plain, letter, join(home, "missing")], 'dropped on "box"');
    for (const path of [keys, join(dotfiles, "id")]) {
      await assertRejects(
        () => refuseHidden([plain, path], 'dropped on "box"'),
        UserError,
        `"${path}"`,
      );
    }
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("a list for an app has one line for each path, whatever that is", () => {
  const paths = ["/home/ubuntu/maps/1-a b\r\n#?%\u00e4.txt", "/b"];
  assertEquals(listOf(paths).split("\r\n").length, 3);
  assertEquals(read(listOf(paths)), paths);
});
