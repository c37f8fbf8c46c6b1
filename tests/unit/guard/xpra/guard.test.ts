// The guard between two real sockets: it relays, drops, ends, and keeps pace with the slower end.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { concat } from "@std/bytes";
import { join } from "@std/path";
import type { Channel } from "../../../../lib/guard/channel.ts";
import { Violation } from "../../../../lib/guard/faults.ts";
import { createFrameParser } from "../../../../lib/guard/xpra/frames.ts";
import { type Guard, type GuardOptions, startGuard } from "../../../../lib/guard/xpra/guard.ts";
import { createMemory } from "../../../../lib/guard/xpra/memory.ts";
import { decodePacket, encodePacket, type Packet, renamed } from "../../../../lib/guard/xpra/packets.ts";
import { relayPackets } from "../../../../lib/guard/xpra/relay.ts";
import { decode, type Dict, type Value } from "../../../../lib/guard/xpra/rencode.ts";
import { startProcess } from "../../../../lib/base/process.ts";
import { bytes, clientHello, description, dict, picture, serverHello } from "../../../fuzz/samples.ts";

/** An end of a connection that speaks packets. */
interface End {
  send(...packets: readonly Packet[]): Promise<void>;
  /** The next packet; undefined at the end. */
  next(): Promise<Packet | undefined>;
  /** The types of the packets that have come, by the names that they came with. */
  types: string[];
  raw: Deno.Conn;
}

function end(raw: Deno.Conn): End {
  const frames = createFrameParser({ mainBytes: 1 << 24, chunkBytes: 1 << 28 });
  const waiting: Packet[] = [];
  const types: string[] = [];
  return {
    raw,
    types,
    async send(...packets) {
      for (const part of packets.flatMap(encodePacket)) {
        for (let at = 0; at < part.length;) at += await raw.write(part.subarray(at));
      }
    },
    async next() {
      while (waiting.length === 0) {
        const buffer = new Uint8Array(1 << 16);
        const count = await raw.read(buffer).catch(() => null);
        if (count === null) return undefined;
        for (const each of frames.push(buffer.subarray(0, count))) {
          types.push(`${(decode(each.main) as Value[])[0]}`);
          waiting.push(decodePacket(each));
        }
      }
      return waiting.shift();
    },
  };
}

interface World {
  guard: Guard;
  client: End;
  server: End;
  said: string[];
  directory: string;
}

function packet(type: string, ...args: Value[]): Packet {
  return { type, args };
}

async function inWorld(
  open: readonly Channel[],
  test: (world: World) => Promise<void>,
  options: Partial<GuardOptions> = {},
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = join(directory, "session");
  const listen = join(directory, "guard");
  const listener = Deno.listen({ transport: "unix", path });
  const said: string[] = [];
  const guard = startGuard({
    listen,
    connect: Promise.resolve(path),
    container: "box",
    open: new Set(open),
    report: (line) => said.push(line),
    ...options,
  });
  try {
    const client = end(await Deno.connect({ transport: "unix", path: listen }));
    const server = end(await listener.accept());
    await test({ guard, client, server, said, directory });
    for (const { raw } of [client, server]) {
      try {
        raw.close();
      } catch {
        // The test has closed it.
      }
    }
  } finally {
    listener.close();
    await guard.end();
    await Deno.remove(directory, { recursive: true });
  }
}

async function greet({ client, server }: World): Promise<void> {
  await client.send(clientHello);
  assertEquals((await server.next())?.type, "hello");
  await server.send(serverHello);
  assertEquals((await client.next())?.type, "hello");
  await server.send(packet("new-window", 1, 0, 0, 484, 316, description, new Map()));
  assertEquals((await client.next())?.type, "new-window");
}

Deno.test("startGuard() relays packets of both directions, and large pixels", async () => {
  await inWorld([], async (world) => {
    await greet(world);
    const { client, server } = world;
    await client.send(packet("focus", 1, []), packet("key-action", 1, "h", true, [], 104, "h", 43, 0));
    assertEquals(await server.next(), packet("focus", 1, []));
    assertEquals((await server.next())?.args[1], "h");
    const pixels = bytes(1000 * 700 * 4, 9);
    const sending = server.send(
      packet("draw", 1, 0, 0, 1000, 700, "rgb32", pixels, 1, 4000, dict({ rgb_format: "BGRX" })),
      packet("ping", 1),
    );
    assertEquals((await client.next())?.args[6], pixels);
    assertEquals(await client.next(), packet("ping", 1));
    await sending;
  });
});

Deno.test("startGuard() tells of each hello once", async () => {
  const seen: string[] = [];
  await inWorld([], async (world) => {
    await greet(world);
    await world.client.send(clientHello);
    await world.server.send(serverHello, packet("ping", 1));
    assertEquals(await world.client.next(), packet("ping", 1));
    assertEquals(seen, ["client", "server"]);
  }, { onClientHello: () => void seen.push("client"), onServerHello: () => void seen.push("server") });
});

Deno.test("startGuard() keeps the client's hello from the server until the file for pixels is there, or for ever", async () => {
  await inWorld([], async ({ client, server, guard }) => {
    await client.send(clientHello);
    assertEquals(await server.next(), undefined);
    assertEquals((await guard.ended).reason, "no room for pixels");
  }, {
    onClientHello() {
      throw new Error("no room for pixels");
    },
  });
});

/** What a version of xpra says first. */
function helloOf({ type, args }: Packet, version: string): Packet {
  return { type, args: [new Map([...args[0] as Dict, ["version", version]])] };
}

for (
  const { from, to, types } of [
    { from: "5.1.6", to: "6.6", types: ["ping-echo", "window-create", "window-create", "window-move-resize"] },
    { from: "6.6", to: "6.5.5", types: ["ping_echo", "new-window", "new-override-redirect", "window-move-resize"] },
  ]
) {
  Deno.test(`startGuard() gives each end the names of packets that it knows: from ${from} to ${to}`, async () => {
    await inWorld([], async ({ client, server }) => {
      await client.send(helloOf(clientHello, to));
      await server.next();
      await server.send(helloOf(serverHello, from));
      await client.next();
      const popup = new Map([...description, ["override-redirect", true]]);
      const send = (...sent: Packet[]): Promise<void> => server.send(...(from === "6.6" ? sent.map(renamed) : sent));
      await send(
        packet("ping_echo", 1, 0, 0, 0, 1, ""),
        packet("new-window", 1, 100, 100, 484, 316, description, new Map()),
      );
      for (let count = 0; count < 2; count++) await client.next();
      const shown = [1, 100, 100, 484, 316, new Map(), new Map()];
      await client.send(
        packet(to === "6.6" ? "window-map" : "map-window", ...shown),
        packet(to === "6.6" ? "window-focus" : "focus", 1, []),
      );
      for (const expected of [packet("map-window", ...shown), packet("focus", 1, [])]) {
        assertEquals(await server.next(), expected);
      }
      await send(
        packet(from === "6.6" ? "new-window" : "new-override-redirect", 2, 110, 110, 4, 4, popup, new Map()),
        packet("window-move-resize", 1, 100, 100, 484, 316, 1),
      );
      assertEquals(((await client.next())!.args[5] as Dict).get("override-redirect"), true);
      await client.next();
      assertEquals(client.types, ["hello", ...types]);
      // An answer of the guard's own.
      await server.send(packet("draw", 9, 0, 0, 8, 8, "rgb32", bytes(256), 5, 32, new Map()));
      assertEquals((await server.next())?.args.slice(0, 2), [5, 9]);
      assertEquals(
        server.types.slice(1),
        from === "6.6" ? ["window-map", "window-focus", "window-draw-ack"] : ["map-window", "focus", "damage-sequence"],
      );
    });
  });
}

Deno.test("startGuard() decodes pictures of another machine in their order, and drops broken ones", async () => {
  await inWorld([], async (world) => {
    await greet(world);
    const { client, server, said } = world;
    const draw = (sequence: number, data: Uint8Array): Packet =>
      packet("draw", 1, 0, 0, 8, 6, "jpeg", data, sequence, 0, new Map());
    await server.send(packet("ping", 1), draw(1, picture), draw(2, new Uint8Array(50)), draw(3, picture));
    await server.send(draw(4, picture), packet("ping", 2));
    assertEquals(await client.next(), packet("ping", 1));
    for (const sequence of [1, 3, 4]) {
      const { type, args } = (await client.next())!;
      assertEquals([type, args[5], (args[6] as Uint8Array).length, args[7]], ["draw", "rgb32", 192, sequence]);
    }
    assertEquals(await client.next(), packet("ping", 2));
    assertEquals(said.length, 1);
  }, { remote: true });
});

Deno.test("startGuard() closes popups that a window has left behind, and all of them when the user leaves", async () => {
  await inWorld([], async (world) => {
    await greet(world);
    const { client, server } = world;
    const shown = (x: number): Packet => packet("map-window", 1, x, 100, 484, 316, new Map(), new Map());
    const menu = (window: number, x: number): Packet =>
      packet("new-override-redirect", window, x, 120, 200, 200, new Map(), new Map());
    await client.send(shown(0), packet("focus", 1, []));
    for (const type of ["map-window", "focus"]) assertEquals((await server.next())?.type, type);
    await server.send(menu(2, 10), menu(3, 420));
    for (const window of [2, 3]) assertEquals((await client.next())?.args[0], window);
    await client.send(shown(600));
    assertEquals(await client.next(), packet("lost-window", 2));
    await server.send(packet("ping", 1));
    assertEquals(await client.next(), packet("ping", 1));
    await client.send(
      packet("pointer-button", 0, 1, 1, 1, true, [610, 130], new Map()),
      packet("focus", 0, []),
    );
    assertEquals(await client.next(), packet("lost-window", 3));
  });
});

Deno.test("startGuard() drops what must not pass, counts it, and tells it once", async () => {
  await inWorld([], async (world) => {
    await greet(world);
    const { client, server, guard, said } = world;
    for (let times = 0; times < 50; times++) await server.send(packet("pointer-grab", 1));
    await server.send(packet("ping", 1));
    assertEquals((await client.next())?.type, "ping");
    assertEquals(said, [
      'The container sends "pointer-grab", which is dropped: it takes the keyboard and the pointer of the whole screen',
    ]);
    client.raw.close();
    const { reason, dropped } = await guard.ended;
    assertEquals(reason, undefined);
    assertEquals(dropped.get("container pointer-grab"), 50);
  });
});

Deno.test("startGuard() ends a session of what is not xpra's protocol, with a reason", async () => {
  await inWorld([], async ({ client, server, guard }) => {
    await client.send(clientHello);
    await server.next();
    await server.raw.write(new TextEncoder().encode("SSH-2.0-OpenSSH_10.0\r\n"));
    assertEquals(await client.next(), undefined);
    assertStringIncludes((await guard.ended).reason!, "does not speak xpra's protocol");
  });
});

Deno.test("startGuard() ends a session for a packet over 2 MiB without pixels, or over 128 MiB with them", async () => {
  for (
    const [flags, index, most] of [[0x10, 0, 2 * 1024 * 1024], [0, 1, 128 * 1024 * 1024]] as const
  ) {
    const announce = (size: number): Uint8Array<ArrayBuffer> => {
      const header = Uint8Array.of(80, flags, 0, index, 0, 0, 0, 0);
      new DataView(header.buffer).setUint32(4, size);
      return header;
    };
    await inWorld([], async (world) => {
      await greet(world);
      await world.server.raw.write(announce(most + 1));
      await world.server.raw.closeWrite();
      assertEquals((await world.guard.ended).reason, `It sends a packet of ${most + 1} bytes`);
    });
    await inWorld([], async (world) => {
      await greet(world);
      await world.server.raw.write(announce(most));
      await world.server.raw.closeWrite();
      assertEquals((await world.guard.ended).reason, undefined);
    });
  }
});

Deno.test("startGuard() ends a session that sends too much that must not pass", async () => {
  await inWorld([], async (world) => {
    await greet(world);
    const { server, guard } = world;
    const flood = Array.from({ length: 1000 }, () => packet("challenge", "x"));
    await assertRejects(async () => {
      for (;;) await server.send(...flood);
    }, Error);
    assertStringIncludes((await guard.ended).reason!, "too many packets");
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
    assertEquals((await guard.ended).reason, undefined);
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

Deno.test("startGuard() reads no more than the slower end takes", async () => {
  await inWorld([], async (world) => {
    await greet(world);
    const { server, client } = world;
    const frame = packet(
      "draw",
      1,
      0,
      0,
      484,
      316,
      "rgb32",
      bytes(484 * 316 * 4),
      1,
      1936,
      dict({ rgb_format: "BGRX" }),
    );
    let sent = 0;
    const sending = (async () => {
      for (; sent < 300; sent++) await server.send(frame);
    })();
    const before = Deno.memoryUsage();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert(sent < 20, `${sent} pictures were taken`);
    assert(Deno.memoryUsage().external - before.external < 32e6);
    for (let seen = 0; seen < 300; seen++) assertEquals((await client.next())?.type, "draw");
    await sending;
  });
});

/** The clock of the guards in a test, and their looks. */
interface Time {
  /** So many milliseconds pass. */
  wait(ms: number): void;
  look(times: number): void;
}

async function withTime(test: (time: Time) => Promise<void>): Promise<void> {
  const { setInterval } = globalThis;
  const { now } = performance;
  let look = (): void => {};
  let later = 0;
  globalThis.setInterval = ((action: () => void) => (look = action, 0)) as unknown as typeof setInterval;
  performance.now = () => now.call(performance) + later;
  try {
    await test({
      wait: (ms) => void (later += ms),
      look(times) {
        for (let count = 0; count < times; count++) look();
      },
    });
  } finally {
    globalThis.setInterval = setInterval;
    performance.now = now;
  }
}

/** The user works in the window. */
async function useWindow({ client, server }: World): Promise<void> {
  await client.send(
    packet("map-window", 1, 0, 60, 484, 316, new Map(), new Map()),
    packet("focus", 1, []),
    packet("key-action", 1, "h", true, [], 104, "h", 43, 0),
    packet("key-action", 1, "h", false, [], 104, "h", 43, 0),
  );
  for (let count = 0; count < 4; count++) await server.next();
}

/** The client sends more than the sockets of a container take that reads nothing; then this. */
async function flood({ client }: World, ...last: Packet[]): Promise<number> {
  const count = 4_000;
  const filler = concat(encodePacket(packet("layout-changed", "us", "", "x".repeat(256))));
  const all = concat([...Array(count).fill(filler), ...last.flatMap(encodePacket)]);
  const sending = (async () => {
    for (let at = 0; at < all.length;) at += await client.raw.write(all.subarray(at));
  })();
  await soon(sending.catch(() => {}));
  return count + last.length;
}

/** What comes within so many milliseconds. */
async function soon<T>(what: Promise<T>, ms = 3_000): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(late.resolve, ms, undefined);
  return await Promise.race([what, late.promise]).finally(() => clearTimeout(timer));
}

const menu = packet("new-override-redirect", 2, 10, 80, 400, 300, new Map(), new Map());
const offer = packet(
  "clipboard-token",
  "CLIPBOARD",
  ["UTF8_STRING"],
  "",
  "",
  8,
  "",
  new Uint8Array(),
  true,
  false,
  true,
);
/** What is for a container only in whose windows the user works. */
const attacks = [
  menu,
  offer,
  packet("clipboard-request", 5, "PRIMARY", "UTF8_STRING"),
  packet("window-metadata", 1, dict({ fullscreen: true })),
  packet("raise-window", 1),
];

/** The types of what passes of these packets of the container's. */
async function passing({ client, server }: World, ...sent: Packet[]): Promise<string[]> {
  await server.send(...sent, packet("ping", 1));
  const types: string[] = [];
  for (let type; (type = (await client.next())?.type) !== undefined && type !== "ping";) types.push(type);
  return types;
}

const clipboard = ["clipboard-in", "clipboard-out"] as const;

Deno.test("startGuard() judges what the client says when it comes, whether the container reads it or not", async () => {
  await withTime(async ({ wait }) => {
    await inWorld(clipboard, async (world) => {
      await greet(world);
      await useWindow(world);
      const { server } = world;
      const count = await flood(world, packet("focus", 0, []));
      let passes = ["not yet judged"];
      for (let tries = 0; passes.length > 0 && tries < 50; tries++) {
        wait(1_500);
        passes = await passing(world, ...attacks);
      }
      assertEquals(passes, []);
      for (let each = 1; each < count; each++) await server.next();
      assertEquals(await server.next(), packet("focus", 0, []));
      assertEquals((await server.next())?.type, "clipboard-contents-none");
    });
  });
});

Deno.test("startGuard() counts nobody as working in windows whose container has not read for a second, and ends it after ten", async () => {
  await withTime(async ({ look }) => {
    await inWorld(clipboard, async (world) => {
      await greet(world);
      await useWindow(world);
      const { client, server, guard } = world;
      assertEquals(await passing(world, menu, offer), ["new-override-redirect", "clipboard-token"]);
      const count = await flood(world);
      look(4);
      assertEquals(await soon(client.next(), 60_000), packet("lost-window", 2));
      assertEquals(await passing(world, ...attacks), []);
      for (let each = 0; each < count; each++) await server.next();
      assertEquals((await server.next())?.type, "clipboard-contents-none");
      assertEquals((await passing(world, menu, offer)).length, 2);

      await flood(world);
      look(21);
      assertEquals((await soon(guard.ended, 60_000))?.reason, "for 10 seconds it has read nothing of what it is sent");
    });
  });
});

Deno.test("startGuard() judges what the client says while a picture is decoded", async () => {
  const { Worker } = globalThis;
  const posted = Promise.withResolvers<void>();
  globalThis.Worker = class {
    postMessage = posted.resolve;
    terminate() {}
  } as unknown as typeof Worker;
  try {
    await inWorld([], async (world) => {
      await greet(world);
      const { client, server } = world;
      await server.send(packet("draw", 1, 0, 0, 8, 6, "jpeg", picture, 1, 0, new Map()));
      await posted.promise;
      await client.send(packet("focus", 1, []), packet("focus", 0, []));
      for (const window of [1, 0]) assertEquals((await server.next())?.args[0], window);
    }, { remote: true });
  } finally {
    globalThis.Worker = Worker;
  }
});

Deno.test("relayPackets() ends when a picture fails while what came before it is still sent", async () => {
  const { Worker } = globalThis;
  let isSlow = false;
  globalThis.Worker = class {
    declare onerror: (event: { preventDefault(): void }) => void;
    postMessage() {
      isSlow = true;
      this.onerror({ preventDefault() {} });
    }
    terminate() {}
  } as unknown as typeof Worker;
  const never = new Promise<never>(() => {});
  const greeted = Promise.withResolvers<void>();
  const connection = (until: Promise<void> | undefined, ...chunks: (readonly Packet[])[]): Deno.Conn => {
    const waiting = chunks.map((packets) => concat(packets.flatMap(encodePacket)));
    return {
      async read(buffer: Uint8Array) {
        await until;
        const chunk = waiting.shift() ?? await never;
        buffer.set(chunk);
        return chunk.length;
      },
      async write(part: Uint8Array) {
        greeted.resolve();
        return isSlow ? await never : part.length;
      },
    } as unknown as Deno.Conn;
  };
  const window = packet("new-window", 1, 0, 0, 484, 316, description, new Map());
  const draw = packet("draw", 1, 0, 0, 8, 6, "jpeg", picture, 1, 0, new Map());
  const connections = {
    client: connection(undefined, [clientHello]),
    container: connection(greeted.promise, [serverHello, window], [packet("ping", 1), draw]),
  };
  const options = { container: "box", open: new Set<Channel>(), report() {}, remote: true };
  try {
    await assertRejects(
      () => relayPackets(connections, { ...options, memory: createMemory(), signal: AbortSignal.any([]) }),
      Violation,
      "no longer decoded",
    );
  } finally {
    globalThis.Worker = Worker;
  }
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
    await guard.end();
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
    assertEquals((await guard.ended).reason, "The session could not be started");
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
    assertEquals((await guard.ended).reason, "The session could not be started");
    client.raw.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("Guard.end() ends one that waits for its client", async () => {
  const directory = await Deno.makeTempDir();
  const listen = join(directory, "guard");
  const connect = Promise.resolve(join(directory, "session"));
  const guard = startGuard({ listen, connect, container: "box", open: new Set(), report: () => {} });
  await guard.end();
  assertEquals([...(await guard.ended).dropped], []);
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
import { holdSocket } from "${new URL("../../../../lib/container/sockets.ts", import.meta.url)}";
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
