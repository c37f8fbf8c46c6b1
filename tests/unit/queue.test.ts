import { assertEquals } from "@std/assert";
import { runQueue } from "../queue.ts";

/** Runs jobs, each until it is ended by its name, and tells which have begun since it was asked the last time. */
function start(jobs: readonly { name: string; holds: string; after?: Promise<unknown> }[], seats: readonly number[]) {
  const begun: string[] = [];
  const ends = new Map(jobs.map(({ name }) => [name, Promise.withResolvers<void>()]));
  const all = runQueue(jobs, {
    seats,
    async run({ name }) {
      begun.push(name);
      await ends.get(name)!.promise;
    },
  });
  return {
    all,
    end: (name: string) => ends.get(name)!.resolve(),
    async begun(): Promise<string[]> {
      // All that follows from what has happened, which takes no time.
      await new Promise((resolve) => setTimeout(resolve));
      return begun.splice(0);
    },
  };
}

Deno.test("runQueue() begins jobs in their order, one at each seat, and none that holds what another one has", async () => {
  const queue = start([
    { name: "long", holds: "a" },
    { name: "same", holds: "a" },
    { name: "short", holds: "b" },
    { name: "last", holds: "c" },
  ], [1, 2]);
  assertEquals(await queue.begun(), ["long", "short"]);
  queue.end("short");
  assertEquals(await queue.begun(), ["last"]);
  queue.end("last");
  assertEquals(await queue.begun(), []);
  queue.end("long");
  assertEquals(await queue.begun(), ["same"]);
  queue.end("same");
  await queue.all;
});

Deno.test("runQueue() begins a job when what comes before it is there, then in the order of all", async () => {
  const [image, xpra] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const queue = start([
    { name: "x11", holds: "x11", after: xpra.promise },
    { name: "wayland", holds: "wayland", after: image.promise },
    { name: "sound", holds: "sound", after: image.promise },
    { name: "gate", holds: "gate" },
  ], [1]);
  assertEquals(await queue.begun(), ["gate"]);
  image.resolve();
  queue.end("gate");
  assertEquals(await queue.begun(), ["wayland"]);
  xpra.resolve();
  queue.end("wayland");
  assertEquals(await queue.begun(), ["x11"]);
  queue.end("x11");
  assertEquals(await queue.begun(), ["sound"]);
  queue.end("sound");
  await queue.all;
});
