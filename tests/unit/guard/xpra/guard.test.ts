// The guard of xpra from its start to its end, between two real sockets.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { startProcess } from "../../../../lib/base/process.ts";
import { startGuard } from "../../../../lib/guard/xpra/guard.ts";
import { createMemory } from "../../../../lib/guard/xpra/memory.ts";
import { clientHello } from "../../../fuzz/samples.ts";
import { end, greet, inWorld, packet } from "../../xpra_guard.ts";

Deno.test("startGuard() keeps the client's hello from the server until the file for pixels is there, or for ever", async () => {
  await inWorld([], async ({ client, server, guard }) => {
    await client.send(clientHello);
    assertEquals(await server.next(), undefined);
    assertEquals(await guard.ended, "no room for pixels");
  }, {
    onClientHello() {
      throw new Error("no room for pixels");
    },
  });
});

Deno.test("startGuard() ends when either end does, and the other end hears of it", async () => {
  await inWorld([], async (world) => {
    await greet(world);
    const { client, server, guard } = world;
    await server.send(packet("disconnect", "server shutdown"));
    server.raw.close();
    assertEquals(await client.next(), packet("disconnect", "server shutdown"));
    assertEquals(await client.next(), undefined);
    assertEquals(await guard.ended, undefined);
  });
});

Deno.test("startGuard() counts on where the guard before it has ended", async () => {
  const memory = createMemory(() => 0);
  const rings = async (): Promise<number> => {
    let count = 0;
    await inWorld([], async (world) => {
      await greet(world);
      await world.server.send(...Array(5).fill(packet("bell", 1, 3, 50, 400, 100, 0, 0, "Bell")), packet("ping", 1));
      while ((await world.client.next())?.type === "bell") count++;
    }, { memory });
    return count;
  };
  assertEquals([await rings(), await rings()], [5, 3]);
});

Deno.test("startGuard() takes one client, and leaves no socket behind", async () => {
  await inWorld([], async ({ directory }) => {
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["session"]);
    await assertRejects(() => Deno.connect({ transport: "unix", path: join(directory, "guard") }), Error);
  });
});

Deno.test("startGuard() can be ended while a client waits for a session that never comes", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const listen = join(directory, "guard");
    const { promise: connect } = Promise.withResolvers<string>();
    const guard = startGuard({ listen, connect, container: "box", open: new Set(), report: () => {} });
    const client = end(await Deno.connect({ transport: "unix", path: listen }));
    await client.send(clientHello);
    // The guard has accepted the client once it has removed the socket's listener.
    while (
      await Deno.connect({ transport: "unix", path: listen }).then((second) => (second.close(), true), () => false)
    );
    await guard[Symbol.asyncDispose]();
    assertEquals(await client.next(), undefined);
    client.raw.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("startGuard() lets a client wait until there is a session, and closes it when there is none", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const listen = join(directory, "guard");
    const { promise, reject } = Promise.withResolvers<string>();
    const guard = startGuard({ listen, connect: promise, container: "box", open: new Set(), report: () => {} });
    const client = end(await Deno.connect({ transport: "unix", path: listen }));
    await client.send(clientHello);
    reject(new Error("The session could not be started"));
    assertEquals(await client.next(), undefined);
    assertEquals(await guard.ended, "The session could not be started");
    client.raw.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("startGuard() tells a client that comes too late that there is no session", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const listen = join(directory, "guard");
    const connect = Promise.reject(new Error("The session could not be started"));
    const guard = startGuard({ listen, connect, container: "box", open: new Set(), report: () => {} });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const client = end(await Deno.connect({ transport: "unix", path: listen }));
    assertEquals(await client.next(), undefined);
    assertEquals(await guard.ended, "The session could not be started");
    client.raw.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a guard that waits for its client can be ended", async () => {
  const directory = await Deno.makeTempDir();
  const listen = join(directory, "guard");
  const connect = Promise.resolve(join(directory, "session"));
  const guard = startGuard({ listen, connect, container: "box", open: new Set(), report: () => {} });
  await guard[Symbol.asyncDispose]();
  assertEquals(await guard.ended, undefined);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("startGuard() can be held to two paths: its own socket, and a link to the session's", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [own, shared] = [join(directory, "own"), join(directory, "shared")];
    await Deno.mkdir(own);
    await Deno.mkdir(shared);
    const [listen, link, path] = [join(own, "guard"), join(own, "session"), join(shared, "xterm")];
    const listener = Deno.listen({ transport: "unix", path });
    const script = join(directory, "run.ts");
    const module = new URL("../../../../lib/guard/xpra/guard.ts", import.meta.url);
    await Deno.writeTextFile(
      script,
      `import { startGuard } from "${module}";
import { holdSocket } from "${new URL("../../../../lib/container/session_socket.ts", import.meta.url)}";
const held = await holdSocket("${path}");
await new Deno.Command("ln", { args: ["-s", "--", held.handle, "${link}"] }).output();
const connect = Promise.resolve("${link}");
const options = { listen: "${listen}", connect, container: "box", open: new Set<never>(), report() {} };
await startGuard(options).ended;`,
    );
    const permissions = [
      `--allow-read=${own},${shared}`,
      `--allow-write=${own}`,
      `--allow-net=unix:${listen},unix:${link}`,
      "--allow-run=ln",
    ];
    const config = `--config=${new URL("../../../../deno.json", import.meta.url).pathname}`;
    const process = startProcess([Deno.execPath(), "run", "--quiet", "--no-prompt", config, ...permissions, script]);
    let client: Deno.Conn | undefined;
    while (client === undefined) {
      client = await Deno.connect({ transport: "unix", path: listen }).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const server = await listener.accept();
    client.close();
    assertEquals((await process.ended).code, 0);
    server.close();
    listener.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
