// A short run of the fuzzer; tests/fuzz/wayland.ts runs for as long as one likes.

import { assert } from "@std/assert";
import { fuzz } from "../../fuzz/wayland.ts";

Deno.test("the guard of Wayland survives changed messages, and lets nothing pass that the host's end does not know", () => {
  const figures = fuzz({ cases: 4_000, seed: 20_26 });
  assert(figures.passed > 1000 && figures.violations > 100, JSON.stringify(figures));
});
