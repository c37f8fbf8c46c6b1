// A short run of the model test of the guard on Wayland; tests/model/wayland.ts runs for as long as one likes.

import { assert, assertEquals } from "@std/assert";
import { happenings } from "../../model/compositor.ts";
import { keptOnWayland } from "../../model/kept.ts";
import { heapAfter } from "../../model/memory.ts";
import { replay, run } from "../../model/runs.ts";
import { wayland } from "../../model/wayland.ts";

Deno.test("hostile apps on Wayland break none of the guard's promises, and do all that they may", async () => {
  const happened = new Set<string>();
  const missed = (): string[] => happenings.filter((what) => !happened.has(what));
  // The rarest happens at about one seed in a hundred.
  for (let seed = 1; seed <= 120 || (missed().length > 0 && seed <= 1_000); seed++) {
    const { broken, happened: now } = await run(wayland, seed);
    assertEquals(broken && `seed ${seed}: ${broken.error.message}, by ${broken.steps.join(" ")}`, undefined);
    for (const what of now.keys()) happened.add(what);
  }
  assertEquals(missed(), []);
});

Deno.test("what the model of Wayland has found is not found again", async () => {
  for (const { seed, steps, by } of keptOnWayland) {
    const { broken } = await replay(wayland, { seed, steps: steps.split(" ") });
    assertEquals(broken?.error.message, undefined, by);
  }
});

Deno.test("the guard of Wayland keeps nothing of the messages that have come", async () => {
  const { early, late } = await heapAfter(60_000);
  // An object that is not forgotten takes some 600 bytes in each of 2,500 rounds.
  assert(late - early < 2 ** 20, `${late - early} bytes more`);
});
