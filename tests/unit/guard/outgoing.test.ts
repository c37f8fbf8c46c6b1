// What is on its way to the ends of a guard, over real sockets.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Violation } from "../../../lib/guard/faults.ts";
import { AllOutgoing, type Outgoing } from "../../../lib/guard/outgoing.ts";

interface World {
  all: AllOutgoing;
  to: Outgoing;
  near: Deno.UnixConn;
  far: Deno.UnixConn;
}

async function inWorld(
  test: (world: World) => Promise<void>,
  { end = "container", stuckMs = 10_000 }: { end?: "container" | "host"; stuckMs?: number } = {},
): Promise<void> {
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  using listener = Deno.listen({ transport: "unix", path });
  using near = await Deno.connect({ transport: "unix", path });
  using far = await listener.accept();
  await Deno.remove(path);
  const all = new AllOutgoing(stuckMs);
  using to = all.to(near, end);
  await test({ all, to, near, far });
}

/** Reads so many bytes. */
async function take(from: Deno.Conn, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) at += await from.read(bytes.subarray(at)) ?? count;
  return bytes;
}

/** More than a socket takes. */
const much = 2 ** 21;

function look({ all }: World, times: number): void {
  for (let count = 0; count < times; count++) all.check();
}

Deno.test("what is posted is a copy, waits for nobody, and arrives in its order", async () => {
  await inWorld(async ({ to, far }) => {
    const parts = Array.from({ length: 5000 }, (_, index) => new Uint8Array(100 + index % 7).fill(index));
    const expected = new Uint8Array(parts.flatMap((part) => [...part]));
    const large = new Uint8Array(much).fill(7);
    to.post(parts.slice(0, 2));
    for (const part of parts.slice(2)) {
      to.post([part]);
      part.fill(0);
    }
    const written = to.write([large]);
    assertEquals(await take(far, expected.length), expected);
    assertEquals(await take(far, much), large);
    await written;
    to.post([new Uint8Array(1)]);
    await to.write([]);
    assertEquals(await take(far, 1), new Uint8Array(1));
  });
});

Deno.test("an end has paused once it has read nothing of what waits for a second, until it reads", async () => {
  for (const end of ["container", "host"] as const) {
    await inWorld(async (world) => {
      const { all, to, far } = world;
      look(world, 10);
      assertEquals(all.isPaused(), false, "nothing waits");
      const written = to.write([new Uint8Array(much)]);
      // The socket takes what it has room for.
      await new Promise((resolve) => setTimeout(resolve, 20));
      look(world, 2);
      assertEquals(all.isPaused(), false);
      look(world, 1);
      assertEquals(all.isPaused(), true);
      await take(far, much);
      await written;
      assertEquals(all.isPaused(), false);
      look(world, 10);
      assertEquals(all.isPaused(), false);
    }, { end });
  }
});

Deno.test("a container that reads nothing for its seconds is cut off, and a slow one is not", async () => {
  for (const seconds of [10, 20]) {
    await inWorld(async (world) => {
      const { all, to, far } = world;
      let isOver = false;
      to.failed.catch(() => isOver = true);
      const written = to.write([new Uint8Array(4 * much)]).catch(() => {});
      for (let round = 0; round < 4; round++) {
        await take(far, much / 2);
        await new Promise((resolve) => setTimeout(resolve, 5));
        look(world, 2 * seconds);
        assert(all.isPaused());
      }
      await Promise.resolve();
      assertEquals(isOver, false);
      look(world, 1);
      const reason = `it has read nothing for ${seconds} seconds`;
      await assertRejects(() => to.failed, Violation, reason);
      far.close();
      await written;
    }, { stuckMs: seconds * 1000 });
  }
});

Deno.test("a host's end that does not read is waited for", async () => {
  await inWorld(async (world) => {
    const written = world.to.write([new Uint8Array(much)]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    look(world, 1000);
    await take(world.far, much);
    await Promise.race([written, world.to.failed]);
  }, { end: "host" });
});

Deno.test("a container is cut off when 128 MiB wait for all of its connections together", async () => {
  await inWorld(async ({ all, to, near }) => {
    // The same connection stands in for another one.
    const large = new Uint8Array(65 * 2 ** 20);
    to.post([large]);
    {
      using other = all.to(near, "container");
      other.post([large]);
      to.post([new Uint8Array(1)]);
      await assertRejects(() => to.failed, Violation, "more than 128 MiB wait for it");
    }
  });
});

Deno.test("nobody counts as working there while the guard itself has no time for a second to hear the host's ends", () => {
  let time = 0;
  const all = new AllOutgoing(10_000, () => time);
  time = 1_499;
  assertEquals(all.isPaused(), false);
  time = 1_500;
  assertEquals(all.isPaused(), true);
  all.check();
  assertEquals(all.isPaused(), false);
});
