// What the lab's user changes in its copy of the checkout comes back, and what is changed in the checkout gets there.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Listing, makeAlike } from "../../lab/copy.ts";

/** A checkout and its copy, both empty. */
async function withTwo(
  act: (both: [string, string], alike: () => void) => Promise<void> | void,
): Promise<void> {
  const top = await Deno.makeTempDir();
  const both: [string, string] = [join(top, "checkout"), join(top, "copy")];
  let known: Listing = {};
  try {
    for (const directory of both) await Deno.mkdir(directory);
    await act(both, () => known = makeAlike(both, known));
  } finally {
    await Deno.remove(top, { recursive: true });
  }
}

/** All files below a directory, each with its text, links with where they lead. */
function contents(directory: string, below = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, isDirectory, isSymlink } of Deno.readDirSync(join(directory, below))) {
    const path = join(below, name);
    if (isDirectory) Object.assign(found, contents(directory, path), { [`${path}/`]: "" });
    else if (isSymlink) found[path] = `-> ${Deno.readLinkSync(join(directory, path))}`;
    else found[path] = Deno.readTextFileSync(join(directory, path));
  }
  return found;
}

function write(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    Deno.mkdirSync(join(directory, path, ".."), { recursive: true });
    Deno.writeTextFileSync(join(directory, path), text);
  }
}

Deno.test("a copy has all files, with their modes, times and links", () =>
  withTwo(([checkout, copy], alike) => {
    write(checkout, { "deno.json": "{}", "lib/base/text.ts": "text", ".git/HEAD": "main" });
    Deno.chmodSync(join(checkout, "deno.json"), 0o755);
    Deno.symlinkSync("lib/base", join(checkout, "base"));
    Deno.symlinkSync("/nowhere", join(checkout, "dangling"));
    alike();
    assertEquals(contents(copy), contents(checkout));
    const [one, other] = [checkout, copy].map((directory) => Deno.statSync(join(directory, "deno.json")));
    assertEquals([other!.mode, other!.mtime], [one!.mode, one!.mtime]);
  }));

Deno.test("what is changed on one side is changed on the other, and nothing else", () =>
  withTwo(([checkout, copy], alike) => {
    write(checkout, { "a.ts": "one", "lib/b.ts": "one", "lib/gone.ts": "one", "tests/c.ts": "one" });
    alike();
    write(checkout, { "a.ts": "longer than before", "lib/new.ts": "new" });
    Deno.removeSync(join(checkout, "lib/gone.ts"));
    write(copy, { "dist/gui-create": "binary", "demo.png": "picture", "tests/c.ts": "changed by a run" });
    Deno.removeSync(join(copy, "lib/b.ts"));
    const expected = {
      "a.ts": "longer than before",
      "lib/": "",
      "lib/new.ts": "new",
      "tests/": "",
      "tests/c.ts": "changed by a run",
      "dist/": "",
      "dist/gui-create": "binary",
      "demo.png": "picture",
    };
    alike();
    assertEquals(contents(copy), expected);
    assertEquals(contents(checkout), expected);
    Deno.removeSync(join(checkout, "dist"), { recursive: true });
    alike();
    assertEquals(contents(copy)["dist/"], undefined);
  }));

Deno.test("of a file that was changed on both sides, that of the checkout stays", () =>
  withTwo(([checkout, copy], alike) => {
    write(checkout, { "a.ts": "one" });
    alike();
    write(copy, { "a.ts": "by a run" });
    write(checkout, { "a.ts": "by its author" });
    alike();
    assertEquals(contents(copy), { "a.ts": "by its author" });
    assertEquals(contents(checkout), { "a.ts": "by its author" });
  }));

Deno.test("a directory that was removed on one side keeps what is new on the other", () =>
  withTwo(([checkout, copy], alike) => {
    write(checkout, { "dist/old": "old" });
    alike();
    Deno.removeSync(join(checkout, "dist"), { recursive: true });
    write(copy, { "dist/new": "new" });
    alike();
    alike();
    for (const directory of [checkout, copy]) assertEquals(contents(directory), { "dist/": "", "dist/new": "new" });
  }));

Deno.test("a file takes a directory's place, a directory a file's, and a link either's", () =>
  withTwo(([checkout, copy], alike) => {
    write(checkout, { "a": "file", "b/c": "in a directory", "d": "file" });
    alike();
    for (const name of ["a", "b", "d"]) Deno.removeSync(join(checkout, name), { recursive: true });
    write(checkout, { "a/x": "in a directory", "b": "file" });
    Deno.symlinkSync("/etc", join(checkout, "d"));
    alike();
    assertEquals(contents(copy), { "a/": "", "a/x": "in a directory", "b": "file", "d": "-> /etc" });
    assertEquals(contents(checkout), contents(copy));
  }));

Deno.test({
  name: `each side's files are its owner's${Deno.uid() === 0 ? "" : " (skipped: only root can give files away)"}`,
  ignore: Deno.uid() !== 0,
  fn: () =>
    withTwo(([checkout, copy], alike) => {
      Deno.chownSync(copy, 65534, 65533);
      write(checkout, { "lib/a.ts": "one" });
      alike();
      write(copy, { "bin/b": "built" });
      for (const path of ["lib", "lib/a.ts", "bin", "bin/b"]) {
        alike();
        const [one, other] = [checkout, copy].map((directory) => Deno.statSync(join(directory, path)));
        const madeByCopy = path.startsWith("bin");
        assertEquals([one!.uid, one!.gid], [0, 0], path);
        if (!madeByCopy) assertEquals([other!.uid, other!.gid], [65534, 65533], path);
      }
    }),
});
