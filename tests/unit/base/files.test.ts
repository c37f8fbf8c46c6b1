import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { UserError } from "../../../lib/base/errors.ts";
import { exists, removeTree } from "../../../lib/base/files.ts";
import { runProcess } from "../../../lib/base/process.ts";

Deno.test("removeTree() removes directories nested deeper than Deno.remove() bears, and follows no link", async () => {
  const directory = await Deno.makeTempDir();
  const [outside, tree] = [join(directory, "outside"), join(directory, "-a 'tree'\n")];
  await Deno.mkdir(tree);
  await Deno.writeTextFile(outside, "kept");
  await Deno.symlink(outside, join(tree, "link"));
  const nest = "import os, sys\nos.chdir(sys.argv[1])\nfor _ in range(30000):\n  os.mkdir('d')\n  os.chdir('d')";
  await runProcess(["python3", "-c", nest, tree]);
  await removeTree(tree);
  assertEquals([await exists(tree), await Deno.readTextFile(outside)], [false, "kept"]);
  await removeTree(tree);
  await removeTree(directory);
  assertEquals(await exists(directory), false);
});

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
