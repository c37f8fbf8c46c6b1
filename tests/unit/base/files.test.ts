import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { UserError } from "../../../lib/base/errors.ts";
import { checkRoom, exists, removeTree, replaceFile, syncDirectory } from "../../../lib/base/files.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { recordingHost } from "../recording_host.ts";
import { testWith } from "../samples.ts";

testWith(
  ["python3"],
  "removeTree() removes directories nested deeper than Deno.remove() bears, and follows no link",
  async () => {
    const directory = await Deno.makeTempDir();
    const [outside, tree] = [join(directory, "outside"), join(directory, "-a 'tree'\n")];
    await Deno.mkdir(tree);
    await Deno.writeTextFile(outside, "kept");
    await Deno.symlink(outside, join(tree, "link"));
    const nest = "import os, sys\nos.chdir(sys.argv[1])\nfor _ in range(12000):\n  os.mkdir('d')\n  os.chdir('d')";
    await runProcess(["python3", "-c", nest, tree]);
    await removeTree(tree);
    assertEquals([await exists(tree), await Deno.readTextFile(outside)], [false, "kept"]);
    await removeTree(tree);
    await removeTree(directory);
    assertEquals(await exists(directory), false);
  },
);

Deno.test("removeTree() ends with its signal", async () => {
  const directory = await Deno.makeTempDir();
  const signal = AbortSignal.abort(new UserError("end", { hint: "" }));
  await assertRejects(() => removeTree(directory, { signal }), UserError, "end");
  assertEquals(await exists(directory), true);
  await Deno.remove(directory);
});

Deno.test("removeTree() says what cannot be removed, and how it can be", async () => {
  await assertRejects(() => removeTree("/proc/self/status"), UserError, '"/proc/self/status" cannot be removed');
});

Deno.test("checkRoom() refuses a place to save to on a full disk, unless what is there makes room", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [fresh, large] = [join(directory, "new"), join(directory, "large")];
    await (await Deno.create(large)).truncate(2 ** 21);
    const check = (stdout: string, path = fresh): Promise<void> =>
      checkRoom(recordingHost({ answer: () => ({ stdout }) }).host, path);
    const full = "12 4096 1000\n";
    const error = await assertRejects(() => check(full), UserError, "no space is left");
    assertStringIncludes(error.message, fresh);
    await check(full, large);
    await check("256 4096 1000\n");
    // A file system that does not tell, and a program that fails.
    await check("0 4096 0\n");
    await check("");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("what cannot be written is named", async () => {
  await assertRejects(() => syncDirectory("/proc"), Error, ': "/proc"');
  const directory = await Deno.makeTempDir();
  const path = join(directory, "file");
  const full = (): Promise<void> => Promise.reject(new Error("No space left on device (os error 28)"));
  await assertRejects(() => replaceFile(path, full), Error, `(os error 28): "${path}"`);
  assertEquals([...Deno.readDirSync(directory)], []);
  await Deno.remove(directory);
});
