import { assertEquals } from "@std/assert";
import { clockTime, localTime } from "../../../lib/base/time.ts";

const noon = new Date(2026, 0, 1, 12, 0, 7).getTime();

Deno.test("a time is that of the user's zone, to the minute or the second", () => {
  assertEquals(localTime(noon), { date: "2026-01-01", time: "12:00" });
  assertEquals(localTime(noon, { to: "second" }), { date: "2026-01-01", time: "12:00:07" });
});

Deno.test("a time has its date where that is not today's", () => {
  assertEquals(clockTime(noon + 60_000, noon), "12:01");
  assertEquals(clockTime(noon + 12 * 3_600_000, noon), "2026-01-02 00:00");
});
