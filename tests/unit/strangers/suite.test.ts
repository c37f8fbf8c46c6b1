import { assertEquals, assertThrows } from "@std/assert";
import { judge, type Results } from "../../strangers/suite.ts";

const results: Results = new Map([
  ["A.one", { isPassed: true, said: "" }],
  ["A.two", { isPassed: false, said: "no xdg_wm_base" }],
  ["A.three", { isPassed: false, said: "a pixel differs" }],
]);

Deno.test("judge() counts what differs as a list says, by a test's name or by what it said", () => {
  const list = "# hidden\n\nno xdg_: the guard hides it\nA.three: it is drawn otherwise\n";
  assertEquals(judge(results, list), { passed: 1, listed: 2, failures: [] });
});

Deno.test("judge() fails for what no list says, and for a line that nothing differs by any more", () => {
  const list = "A.two: hidden\nA.one: hidden\nsometimes A.four: it crashes\n";
  assertEquals(judge(results, list).failures, [
    "A.three: a pixel differs",
    '"A.one" is on the list, and nothing differs so any more',
  ]);
});

Deno.test("judge() wants a reason for each line of a list", () => {
  assertThrows(() => judge(results, "A.two:\n"), Error, "No reason");
});
