import { assertEquals, assertThrows } from "@std/assert";
import { Refusal } from "../../../../lib/guard/faults.ts";
import { flag } from "../../../../lib/guard/xpra/shapes.ts";

Deno.test("flag() takes booleans and the numbers 0 and 1", () => {
  assertEquals([true, false, 1, 0].map(flag), [true, false, true, false]);
  for (const other of [2, -1, "true", null]) assertThrows(() => flag(other as number), Refusal);
});
