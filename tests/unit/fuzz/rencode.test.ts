// A short run of the fuzzer that compares our rencodeplus with xpra's; tests/fuzz/rencode.ts runs for as long as one likes.

import { assert } from "@std/assert";
import { runProcess } from "../../../lib/base/process.ts";
import { fuzzRencode } from "../../fuzz/rencode.ts";

/** Whether xpra 6 is installed on this machine: before that, its protocol has other names in Python. */
const { stdout } = await runProcess(["/usr/bin/python3", "-c", "import xpra; print(xpra.__version__)"], {
  okCodes: "any",
}).catch(() => ({ stdout: "" }));
const hasXpra = /^[6-9]\./.test(stdout);

Deno.test({
  name: `what the guard reads and writes is the same to xpra${hasXpra ? "" : " (skipped: xpra 6 is not installed)"}`,
  ignore: !hasXpra,
  async fn() {
    const figures = await fuzzRencode({ cases: 10_000, seed: 31 });
    assert(figures.same > 2_000 && figures.packets > 300, JSON.stringify(figures));
  },
});
