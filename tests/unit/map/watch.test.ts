import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { engineCalled } from "../../../lib/engine/engine.ts";
import type { FileRules } from "../../../lib/container/lend/source_file.ts";
import { followReplacements } from "../../../lib/map/watch.ts";
import { sampleMapping } from "../mappings.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("followReplacements() tells that it ends, and does not end the run, when a look at the files fails", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = join(directory, "file");
    await Deno.writeTextFile(path, "new");
    const told: string[] = [];
    // Another inode is on record, so the file counts as replaced; its rules fail as nothing of the user's can make
    // them.
    const mapping = sampleMapping({ hostPath: path, ino: 1 });
    const rules = {
      get user(): never {
        throw new TypeError("a fault of ours");
      },
    } as unknown as FileRules;
    await followReplacements(recordingHost().host, { engine: engineCalled("lxc"), name: "box" }, {
      loans: [mapping],
      tell: (text) => Promise.resolve(void told.push(text)),
      rules,
      signal: new AbortController().signal,
    });
    assertEquals(told, ["Replacements of lent files will not be noticed: a fault of ours"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
