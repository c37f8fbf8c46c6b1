// A time after which something ends: whichever clock says first that it has passed.

import { assertEquals } from "@std/assert";
import { startDeadline } from "../../../lib/guard/deadline.ts";

const hourMs = 3_600_000;

/** A deadline of an hour, whose clocks are the test's. */
function anHour(): {
  clocks: { wallMs: number; nowMs: number };
  ended: () => number;
  deadline: ReturnType<typeof startDeadline>;
  looked: () => Promise<void>;
} {
  const clocks = { wallMs: 1e12, nowMs: 0 };
  let ended = 0;
  let looks = 0;
  const deadline = startDeadline(hourMs, () => ended++, {
    wall() {
      looks++;
      return clocks.wallMs;
    },
    now: () => clocks.nowMs,
    pauseMs: 1,
  });
  return {
    clocks,
    ended: () => ended,
    deadline,
    async looked() {
      for (const until = looks + 3; looks < until && ended === 0;) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
  };
}

Deno.test("a deadline ends after its time, once", async () => {
  const { clocks, ended, deadline, looked } = anHour();
  assertEquals(deadline.endMs, 1e12 + hourMs);
  clocks.wallMs += hourMs - 1;
  clocks.nowMs += hourMs - 1;
  await looked();
  assertEquals(ended(), 0);
  clocks.nowMs++;
  await looked();
  assertEquals(ended(), 1);
  // It would look again after a millisecond.
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(ended(), 1);
});

Deno.test("a deadline passes while the host is suspended, and setting its clock back gains nothing", async () => {
  for (const [wallMs, nowMs] of [[hourMs, 5], [-10 * hourMs, hourMs]] as const) {
    const { clocks, ended, looked } = anHour();
    clocks.wallMs += wallMs;
    clocks.nowMs += nowMs;
    await looked();
    assertEquals(ended(), 1);
  }
});

Deno.test("a deadline that is given up ends nothing", async () => {
  const { clocks, ended, deadline } = anHour();
  deadline[Symbol.dispose]();
  clocks.wallMs += hourMs;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(ended(), 0);
});
