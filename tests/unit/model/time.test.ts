// The model's time: what never comes is not waited for without end.

import { assertEquals, assertRejects } from "@std/assert";
import { startTime } from "../../model/time.ts";

Deno.test("until() ends with an error where what it waits for is never settled", async () => {
  using time = startTime({ maxMs: 20 });
  await assertRejects(() => time.until(new Promise(() => {})), Error, "is not settled after 20 ms");
  setInterval(() => {}, 1000);
  await assertRejects(() => time.until(new Promise(() => {})), Error, "is not settled after 20 ms");
});

Deno.test("pass() has all happen that is due by then, in its order, and both clocks go on", async () => {
  using time = startTime();
  const [startMs, startWallMs] = [time.now(), Date.now()];
  const happened: number[] = [];
  for (const ms of [30, 10, 30]) setTimeout(() => happened.push(ms), ms);
  await time.pass(29);
  assertEquals(happened, [10]);
  await time.pass(1);
  assertEquals([happened, time.now() - startMs, Date.now() - startWallMs], [[10, 30, 30], 30, 30]);
  time.setClock(-1_000);
  assertEquals([time.now() - startMs, Date.now() - startWallMs], [30, -970]);
});
