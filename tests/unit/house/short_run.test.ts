// The tests that a short run has are known by parts of their names: one that is renamed is named anew in tests/plan.ts.

import { assert } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { shortRun } from "../../plan.ts";

Deno.test("each test that the short run names is there", async () => {
  for (const { engine, files } of shortRun) {
    for (const [file, tests] of Object.entries(files)) {
      const text = await Deno.readTextFile(fromFileUrl(new URL(`../../e2e/${file}.test.ts`, import.meta.url)));
      for (const test of tests === "all" ? [] : tests) {
        assert(text.includes(test), `tests/e2e/${file}.test.ts has no test "… ${test} …" (${engine}, tests/plan.ts)`);
      }
    }
  }
});
