import { assertEquals, assertRejects } from "@std/assert";
import { createQueue, mapSome, oncePer } from "../../../lib/base/promises.ts";

Deno.test("mapSome() acts on some items at once, and gives back all results in their order", async () => {
  let now = 0;
  let most = 0;
  const act = async (item: number): Promise<number> => {
    most = Math.max(most, ++now);
    await new Promise((done) => setTimeout(done, 10 - item));
    now--;
    return item * item;
  };
  assertEquals(await mapSome([1, 2, 3, 4, 5], { atOnce: 2, act }), [1, 4, 9, 16, 25]);
  assertEquals([most, await mapSome([], { atOnce: 2, act })], [2, []]);
});

Deno.test("mapSome() begins with no other item after an error, and throws it when what goes on is over", async () => {
  const over: number[] = [];
  const act = async (item: number): Promise<void> => {
    await new Promise((done) => setTimeout(done, item === 2 ? 1 : 20));
    over.push(item);
    if (item === 2) throw new Error("two");
  };
  await assertRejects(() => mapSome([1, 2, 3, 4], { atOnce: 2, act }), Error, "two");
  assertEquals(over, [2, 1]);
});

Deno.test("oncePer() calls its function once for each key, also when that has failed", async () => {
  const calls: unknown[] = [];
  const [one, other] = [{}, {}];
  const act = oncePer((key: object) => {
    calls.push(key);
    return key === other ? Promise.reject(new Error("other")) : Promise.resolve(calls.length);
  });
  assertEquals([await act(one), await act(one)], [1, 1]);
  for (const _ of "ab") await assertRejects(() => act(other), Error, "other");
  assertEquals(calls, [one, other]);
});

Deno.test("createQueue() calls one after the other, in their order, also after one that fails", async () => {
  const inOrder = createQueue();
  const events: string[] = [];
  const first = Promise.withResolvers<void>();
  const failing = inOrder(async () => {
    events.push("begins");
    await first.promise;
    throw new Error("no");
  });
  const next = inOrder(() => Promise.resolve(events.push("next")));
  const failed = failing.catch((error: Error) => events.push(error.message));
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(events, ["begins"]);
  first.resolve();
  await Promise.all([failed, next]);
  assertEquals(events, ["begins", "no", "next"]);
  assertEquals(await inOrder(() => Promise.resolve("last")), "last");
});
