// A short run of the model test of the guard on Wayland; tests/model/wayland.ts runs for as long as one likes.

import { assertEquals } from "@std/assert";
import { type Happening, happenings } from "../model/compositor.ts";
import { kept } from "../model/kept.ts";
import { replay, run, type Step } from "../model/wayland.ts";

Deno.test("hostile apps on Wayland break none of the guard's promises, and do all that they may", async () => {
  const happened = new Set<Happening>();
  for (let seed = 1; seed <= 120; seed++) {
    const { broken, happened: now } = await run(seed);
    assertEquals(broken && `seed ${seed}: ${broken.error.message}, by ${broken.steps.join(" ")}`, undefined);
    for (const what of now.keys()) happened.add(what);
  }
  assertEquals(happenings.filter((what) => !happened.has(what)), []);
});

Deno.test("what the model of Wayland has found is not found again", async () => {
  for (const { seed, steps, by } of kept) {
    const { broken } = await replay(seed, steps.split(" ") as Step[]);
    assertEquals(broken?.error.message, undefined, by);
  }
});
