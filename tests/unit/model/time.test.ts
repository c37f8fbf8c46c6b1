// The model's time: what never comes is not waited for without end.

import { assertRejects } from "@std/assert";
import { startTime } from "../../model/time.ts";

Deno.test("until() ends with an error where what it waits for is never settled", async () => {
  using time = startTime({ maxMs: 20 });
  await assertRejects(() => time.until(new Promise(() => {})), Error, "is not settled after 20 ms");
  setInterval(() => {}, 1000);
  await assertRejects(() => time.until(new Promise(() => {})), Error, "is not settled after 20 ms");
});
