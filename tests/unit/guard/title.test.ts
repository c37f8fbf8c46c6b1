// What a title may look like, whoever wrote it.

import { assertEquals } from "@std/assert";
import { titleOf } from "../../../lib/guard/title.ts";

Deno.test("titleOf() puts the container's name first, whatever the title is", () => {
  assertEquals(titleOf("box", "a title"), "[box] a title");
  assertEquals(titleOf("box", ""), "[box] ");
  assertEquals([...titleOf("box", "x".repeat(5000))].length, "[box] ".length + 400);
});

Deno.test("titleOf() leaves out what turns a line round, ends it, or is for a terminal", () => {
  assertEquals(titleOf("box", "a\u202e\u2066b\u200f\u001b]52;c;x\u0007\u0000\u2028c"), "[box] ab]52;c;xc");
  assertEquals(titleOf("box", "two\n\r\tlines"), "[box] two lines");
  assertEquals(titleOf("box", "grüße 日本 😀"), "[box] grüße 日本 😀");
});
