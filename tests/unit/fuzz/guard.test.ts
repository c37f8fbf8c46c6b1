// A short run of the fuzzer; tests/fuzz/guard.ts runs for as long as one likes.

import { assert } from "@std/assert";
import { fuzz } from "../../fuzz/guard.ts";

Deno.test("the guard survives changed packets and bytes of chance, and lets nothing pass that may not", () => {
  const figures = fuzz({ cases: 25_000, seed: 20_25 });
  assert(figures.passed > 1000 && figures.refused > 1000 && figures.violations > 1000, JSON.stringify(figures));
});
