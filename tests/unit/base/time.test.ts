import { assertEquals } from "@std/assert";
import { runProcess } from "../../../lib/base/process.ts";
import { clockTime, localTime } from "../../../lib/base/time.ts";

const noon = new Date(2026, 0, 1, 12, 0, 7).getTime();

Deno.test("a time is that of the user's zone, to the minute or the second", () => {
  assertEquals(localTime(noon), { date: "2026-01-01", time: "12:00" });
  assertEquals(localTime(noon, { to: "second" }), { date: "2026-01-01", time: "12:00:07" });
});

Deno.test("a time has its date where that is not today's", () => {
  assertEquals(clockTime(noon + 300_000, noon), "12:05");
  assertEquals(clockTime(noon + 12 * 3_600_000, noon), "2026-01-02 00:00");
});

Deno.test("a time that comes soon is told to the second", () => {
  assertEquals(clockTime(noon + 40_000, noon), "12:00:47");
  assertEquals(clockTime(noon + 299_000, noon), "12:05:06");
});

Deno.test("a time is that of $TZ, whatever zone that names", async () => {
  const module = new URL("../../../lib/base/time.ts", import.meta.url);
  const script = `import { localTime } from "${module}"; console.log(localTime(${Date.UTC(2026, 0, 1, 22)}).time)`;
  const cases = { "": "22:00", "Etc/Unknown": "22:00", "Europe/Berlin": "23:00", "XYZ-3": "01:00" };
  for (const [zone, time] of Object.entries(cases)) {
    const { stdout } = await runProcess([Deno.execPath(), "eval", script], { env: { TZ: zone } });
    assertEquals(stdout.trim(), time, zone);
  }
});
