// How what the container sends is judged in turns.

import { assertEquals } from "@std/assert";
import { createTurns } from "../../../../lib/guard/wayland/turns.ts";
import type { Steps } from "../../../../lib/guard/wayland/frames.ts";

/** A clock, and connections whose steps take five milliseconds each. */
function world(): { now: () => number; happened: string[]; connection(name: string, count: number): Steps<string> } {
  let time = 0;
  const happened: string[] = [];
  return {
    now: () => time,
    happened,
    *connection(name, count) {
      for (let step = 0; step < count; step++) {
        time += 5;
        happened.push(name);
        yield;
      }
      return name;
    },
  };
}

Deno.test("connections of a container take turns, and after 20 ms of their work the host's ends are heard", async () => {
  const { now, happened, connection } = world();
  const inTurns = createTurns(now);
  const ticks = setInterval(() => happened.push("host"), 0);
  const done = await Promise.all(["a", "b", "c"].map((name) => inTurns(connection(name, 6), () => false)));
  clearInterval(ticks);
  assertEquals(done, ["a", "b", "c"]);
  const turns = happened.join(" ").split(/(?: host)+ ?/).filter((turn) => turn !== "");
  assertEquals(turns, ["a a a a", "b b b b", "c c c c", "a a b b", "c c"]);
});

Deno.test("a connection that is over is judged no further", async () => {
  const { now, happened, connection } = world();
  const inTurns = createTurns(now);
  let isOver = false;
  const judging = inTurns(connection("a", 100), () => isOver);
  isOver = true;
  assertEquals(await judging, undefined);
  assertEquals(happened.length, 4);
});
