// The unit tests mirror the house: tests/unit/PATH.test.ts is of lib/PATH.ts, or of tools/ or tests/ in the same way. What
// is about no module of its own is in `house`.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

const root = fromFileUrl(new URL("../../..", import.meta.url));

/** The unit tests below a directory, as paths without the end. */
function testsIn(directory: string): string[] {
  return [...Deno.readDirSync(join(root, "tests/unit", directory))].flatMap(({ name, isDirectory }) => {
    const path = join(directory, name);
    return isDirectory ? testsIn(path) : name.endsWith(".test.ts") ? [path.replace(".test.ts", "")] : [];
  });
}

Deno.test("each unit test has its counterpart", async () => {
  const tests = testsIn("").filter((path) => !path.startsWith("house/"));
  assert(tests.length > 100, tests.join("\n"));
  const counterparts = tests.map((path) => ["lib", ".", "tests"].map((place) => join(root, place, `${path}.ts`)));
  const exists = (path: string): Promise<boolean> => Deno.lstat(path).then(({ isFile }) => isFile, () => false);
  const found = await Promise.all(
    counterparts.map(async (paths) => (await Promise.all(paths.map(exists))).includes(true)),
  );
  assertEquals(tests.filter((_, index) => !found[index]), []);
});
