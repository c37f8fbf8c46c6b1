import { assertEquals, assertThrows } from "@std/assert";
import { Refusal } from "../../../../lib/guard/faults.ts";
import type { Value } from "../../../../lib/guard/xpra/rencode.ts";
import { args, flag, table } from "../../../../lib/guard/xpra/shapes.ts";

Deno.test("flag() takes booleans and the numbers 0 and 1", () => {
  assertEquals([true, false, 1, 0].map(flag), [true, false, true, false]);
  for (const other of [2, -1, "true", null]) assertThrows(() => flag(other as number), Refusal);
});

Deno.test("args() wants all arguments but the optional ones, and leaves out any others", () => {
  const check = args([flag, flag], [flag]);
  assertEquals(check([1, 0]), [true, false]);
  assertEquals(check([1, 0, 1, 0]), [true, false, true]);
  assertThrows(() => check([1]), Refusal, "arguments are missing");
});

Deno.test("table() leaves out bytes, and tables in lists, whose keys nobody has checked", () => {
  const take = table(() => true);
  const value = new Map<string, Value>([["bytes", new Uint8Array(1)], ["list", [
    "a",
    new Map([["b", 1]]),
    new Uint8Array(1),
  ]]]);
  assertEquals(take(value), new Map([["list", ["a"]]]));
});
