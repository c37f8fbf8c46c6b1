import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { runQueue } from "../queue.ts";

Deno.test("runQueue() begins jobs in their order, one at each seat, and none that holds what another one has", async () => {
  const told: string[] = [];
  const ready = Promise.withResolvers<void>();
  const jobs = [
    { name: "long", holds: "a", ms: 60 },
    { name: "same", holds: "a", ms: 0 },
    { name: "late", holds: "b", ms: 0, after: ready.promise },
    { name: "short", holds: "c", ms: 20 },
    { name: "last", holds: "d", ms: 0 },
  ];
  await runQueue(jobs, {
    seats: [1, 2],
    async run({ name, ms }) {
      told.push(name);
      await delay(ms);
      told.push(`end of ${name}`);
      if (name === "same") ready.resolve();
    },
  });
  assertEquals(told, [
    "long",
    "short",
    "end of short",
    "last",
    "end of last",
    "end of long",
    "same",
    "end of same",
    "late",
    "end of late",
  ]);
});
