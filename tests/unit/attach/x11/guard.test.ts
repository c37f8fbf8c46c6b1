// The process of a guard of xpra, and what it and its run say to each other.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { threadCpuUsage } from "node:process";
import { type ClientGuard, startClientGuard } from "../../../../lib/attach/x11/guard.ts";
import { writeAll } from "../../../../lib/base/files.ts";
import { type RunningProcess, runProcess } from "../../../../lib/base/process.ts";
import { encodePacket } from "../../../../lib/guard/xpra/packets.ts";
import { clientHello, serverHello } from "../../../fuzz/samples.ts";
import { localBox } from "../../containers.ts";
import { withHost } from "../../private_directories.ts";
import { end, packet } from "../../xpra_guard.ts";

interface World {
  guard: ClientGuard;
  /** The guard's process. */
  process: RunningProcess;
  /** What was called, in its order. */
  calls: string[];
  client: ReturnType<typeof end>;
  /** The container's end, once it is connected. */
  server(): Promise<ReturnType<typeof end>>;
  close(channel: string): void;
}

/** A guard's process between two ends, for which `clientHello` is called before the client's hello passes. */
async function inWorld(
  test: (world: World) => Promise<void>,
  { clientHello = () => {}, times }: { clientHello?: () => void; times?: ReadonlyMap<string, number> } = {},
): Promise<void> {
  await withHost(async ({ host, options: { container: { mounts } } }) => {
    const listener = Deno.listen({ transport: "unix", path: join(mounts.sockets, "xterm") });
    const closers = new Map<string, AbortController>();
    const closerOf = (channel: string): AbortController =>
      closers.getOrInsertComputed(channel, () => new AbortController());
    let process: RunningProcess | undefined;
    const start: typeof host.start = (...given) => process = host.start(...given);
    // What makes the link to the session's socket.
    const run: typeof host.run = (argv) => runProcess(argv);
    const calls: string[] = [];
    {
      await using container = localBox({ ...host, start, run }, { mounts });
      await using guard = await startClientGuard(container, {
        open: new Set(["clipboard-in", "sound"]),
        times,
        closing: (channel) => closerOf(channel).signal,
      });
      await guard.expect({
        clientHello() {
          calls.push("client");
          clientHello();
        },
        serverHello: () => calls.push("server"),
      });
      const client = end(await Deno.connect({ transport: "unix", path: guard.socket }));
      const server = async (): Promise<ReturnType<typeof end>> => {
        await container.socket("xterm");
        guard.say("session");
        return end(await listener.accept());
      };
      await test({ guard, process: process!, calls, client, server, close: (channel) => closerOf(channel).abort() });
      client.raw.close();
    }
    listener.close();
  });
}

async function greet({ client, server: connect }: World): Promise<ReturnType<typeof end>> {
  const server = await connect();
  await client.send(clientHello);
  assertEquals((await server.next())?.type, "hello");
  await server.send(serverHello);
  assertEquals((await client.next())?.type, "hello");
  return server;
}

Deno.test("a guard's process has the client's hello wait until the pixels are shared, and guards one client after the other", () =>
  inWorld(async (world) => {
    const server = await greet(world);
    const { guard, client, calls } = world;
    await server.send(packet("disconnect", "server shutdown"));
    server.raw.close();
    assertEquals((await client.next())?.type, "disconnect");
    assertEquals([await guard.over(), guard.windows(), calls], [undefined, "none", ["client", "server"]]);
    await guard.expect({ clientHello() {}, serverHello() {} });
    const second = await Deno.connect({ transport: "unix", path: guard.socket });
    second.close();
    assertEquals(await guard.over(), undefined);
  }));

Deno.test("a guard's process that has guarded a client has the next one wait for its own session", () =>
  inWorld(async (world) => {
    (await greet(world)).raw.close();
    const { guard } = world;
    await guard.over();
    await guard.expect({ clientHello() {}, serverHello() {} });
    const second = end(await Deno.connect({ transport: "unix", path: guard.socket }));
    guard.say("refuse", "the session has ended");
    assertEquals(await second.next(), undefined);
    assertEquals(await guard.over(), "the session has ended");
    second.raw.close();
  }));

Deno.test("a guard's process cuts a client off whose pixels cannot be shared", () =>
  inWorld(async (world) => {
    const { client, guard } = world;
    const server = await world.server();
    await client.send(clientHello);
    assertEquals(await client.next(), undefined);
    server.raw.close();
    assertEquals(await guard.over(), "no room for pixels");
  }, {
    clientHello() {
      throw new Error("no room for pixels");
    },
  }));

/** Whether what is copied on the host passes. */
async function isOffered({ client }: World, server: ReturnType<typeof end>): Promise<boolean> {
  await client.send(packet("clipboard-token", "CLIPBOARD"), packet("ping", 1));
  const isOffered = (await server.next())?.type === "clipboard-token";
  if (isOffered) await server.next();
  return isOffered;
}

for (
  const [by, times] of [["a run", undefined], [
    "its time, of which no run has to say,",
    new Map([["clipboard-in", 1]]),
  ]] as const
) {
  Deno.test(`a channel that is closed by ${by} is closed in its guard`, () =>
    inWorld(async (world) => {
      const server = await greet(world);
      if (!times) {
        assertEquals(await isOffered(world, server), true);
        world.close("clipboard-in");
      }
      for (const lastMs = Date.now() + 30_000; await isOffered(world, server) && Date.now() < lastMs;);
      assertEquals(await isOffered(world, server), false);
      server.raw.close();
    }, times && { times: times as ReadonlyMap<string, number> }));
}

Deno.test("a channel's time begins with the session: the container may take long to start", () =>
  inWorld(async (world) => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const server = await greet(world);
    assertEquals(await isOffered(world, server), true);
    for (const lastMs = Date.now() + 30_000; await isOffered(world, server) && Date.now() < lastMs;);
    assertEquals(await isOffered(world, server), false);
    server.raw.close();
  }, { times: new Map([["clipboard-in", 1_000]]) }));

Deno.test("a guard's process that is killed ends its client, with the reason", () =>
  inWorld(async ({ guard, process, client }) => {
    process.kill("SIGKILL");
    assertEquals(await client.next(), undefined);
    assertStringIncludes((await guard.over())!, "was ended by SIGKILL");
  }));

Deno.test("a flood of packets takes no time of the run", () =>
  inWorld(async (world) => {
    const server = await greet(world);
    // As large as one may be. It does not pass.
    const heavy = encodePacket(packet("heavy", Array.from({ length: 19_990 }, () => "x".repeat(60))));
    const before = threadCpuUsage();
    for (let count = 0; count < 30; count++) for (const part of heavy) await writeAll(server.raw, part);
    await server.send(packet("bell", 0, 3, 50, 400, 100, 0, 0, "Bell"));
    assertEquals((await world.client.next())?.type, "bell");
    const spentMs = threadCpuUsage(before).user / 1_000;
    assert(spentMs < 100, `${spentMs} ms`);
    server.raw.close();
  }));
