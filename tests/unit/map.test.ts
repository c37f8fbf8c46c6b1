// map.ts as it is typed, where no engine is needed.

import { fromFileUrl } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { assertRefused } from "./refusals.ts";

const script = fromFileUrl(new URL("../../map.ts", import.meta.url));

Deno.test("map.ts refuses a time that is none, and one that no run would be left to keep", async () => {
  for (
    const [args, names] of [
      [["--for", "2"], '"2"'],
      [["--for", "2s", "--no-wait"], ["--for", "--no-wait"]],
    ] as const
  ) {
    assertRefused(await runProcess([script, ...args, "box", "file"], { okCodes: "any" }), { code: 2, names });
  }
});
