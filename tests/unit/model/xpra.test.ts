// A short run of the model test of the guard on X; tests/model/xpra.ts runs for as long as one likes.

import { assertEquals } from "@std/assert";
import { keptOnX } from "../../model/kept.ts";
import { replay, run } from "../../model/runs.ts";
import { xpra } from "../../model/xpra.ts";
import { happenings } from "../../model/xpra_client.ts";

Deno.test("a hostile xpra server breaks none of the guard's promises, and does all that it may", async () => {
  const happened = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const { broken, happened: now } = await run(xpra, seed);
    assertEquals(broken && `seed ${seed}: ${broken.error.message}, by ${broken.steps.join(" ")}`, undefined);
    for (const what of now.keys()) happened.add(what);
  }
  assertEquals(happenings.filter((what) => !happened.has(what)), []);
});

Deno.test("what the model of X has found is not found again", async () => {
  for (const { seed, steps, by } of keptOnX) {
    const { broken } = await replay(xpra, { seed, steps: steps.split(" ") });
    assertEquals(broken?.error.message, undefined, by);
  }
});
