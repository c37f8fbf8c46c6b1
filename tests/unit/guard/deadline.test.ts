// A time after which something ends: whichever clock says first that it has passed.

import { assertEquals } from "@std/assert";
import { type Deadline, startDeadline } from "../../../lib/guard/deadline.ts";
import { type ModelTime, startTime } from "../../model/time.ts";

const hourMs = 3_600_000;

/** How long the end may be late when only the host's clock has gone on, in milliseconds. */
const lateMs = 10_000;

/** Runs a test with a deadline of an hour. */
async function withHour(
  test: (hour: { time: ModelTime; deadline: Deadline; ended: () => number }) => Promise<void>,
): Promise<void> {
  using time = startTime();
  let ended = 0;
  using deadline = startDeadline(hourMs, () => ended++);
  await test({ time, deadline, ended: () => ended });
}

Deno.test("a deadline ends after its time, once", () =>
  withHour(async ({ time, deadline, ended }) => {
    assertEquals(deadline.endMs, Date.now() + hourMs);
    await time.pass(hourMs - 1);
    assertEquals(ended(), 0);
    await time.pass(1);
    assertEquals(ended(), 1);
    await time.pass(2 * hourMs);
    assertEquals(ended(), 1);
  }));

Deno.test("a deadline passes while the host is suspended", () =>
  withHour(async ({ time, ended }) => {
    time.setClock(hourMs);
    await time.pass(lateMs);
    assertEquals(ended(), 1);
  }));

Deno.test("setting the host's clock back gains nothing", () =>
  withHour(async ({ time, ended }) => {
    time.setClock(-10 * hourMs);
    await time.pass(hourMs);
    assertEquals(ended(), 1);
  }));

Deno.test("a deadline that is given up ends nothing", () =>
  withHour(async ({ time, deadline, ended }) => {
    deadline[Symbol.dispose]();
    await time.pass(2 * hourMs);
    assertEquals(ended(), 0);
  }));
