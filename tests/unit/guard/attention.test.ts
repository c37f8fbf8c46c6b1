// When the user works in a container's windows, and since when they do not.

import { assertEquals } from "@std/assert";
import { createAttention } from "../../../lib/guard/attention.ts";

Deno.test("the user has been away since they left the last window, or since their last input there has counted", () => {
  let time = 0;
  let isPaused = false;
  const attention = createAttention(() => time, () => isPaused);
  time = 100_000;
  attention.focus(1);
  assertEquals(attention.absentMs(), 0);
  time += 5_000;
  attention.focus(0);
  assertEquals([attention.absentMs(), attention.isPresent()], [0, false]);
  time += 700;
  assertEquals(attention.absentMs(), 700);
  attention.recordInput();
  assertEquals([attention.absentMs(), attention.isPresent()], [0, true]);
  time += 60_000;
  // An input counts for a second.
  assertEquals([attention.absentMs(), attention.isPresent()], [59_000, false]);
  attention.focus(2);
  assertEquals(attention.absentMs(), 0);
  isPaused = true;
  assertEquals([attention.absentMs(), attention.isPresent()], [Infinity, false]);
});
