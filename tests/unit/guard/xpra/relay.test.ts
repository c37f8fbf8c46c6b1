// What a guard of xpra relays, drops and waits for.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { concat } from "@std/bytes";
import type { ChannelName } from "../../../../lib/channels/table.ts";
import { createCrossings } from "../../../../lib/guard/crossings.ts";
import { Violation } from "../../../../lib/guard/faults.ts";
import { createMemory } from "../../../../lib/guard/xpra/memory.ts";
import { encodePacket, type Packet } from "../../../../lib/guard/xpra/packets.ts";
import { relayPackets } from "../../../../lib/guard/xpra/relay.ts";
import { bytes, clientHello, description, dict, picture, serverHello } from "../../../fuzz/samples.ts";
import { soon, startGuardTime } from "../../guard_time.ts";
import { greet, inWorld, packet, type World } from "../../xpra_guard.ts";

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
  }, {
    onClientHello: () => Promise.resolve(void seen.push("client")),
    onServerHello: () => void seen.push("server"),
  });
});

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

Deno.test("startGuard() says for a client that does not that there is nothing to paste", async () => {
  await inWorld(["clipboard-in"], async (world) => {
    await greet(world);
    const { client, server } = world;
    const asked = packet("clipboard-request", 1, "CLIPBOARD", "TARGETS");
    await server.send(asked);
    assertEquals(await client.next(), asked);
    assertEquals(await server.next(), packet("clipboard-contents-none", 1, "CLIPBOARD"));
  });
});

Deno.test("startGuard() drops what must not pass, and tells it once", async () => {
  await inWorld([], async (world) => {
    await greet(world);
    const { client, server, guard, said } = world;
    for (let times = 0; times < 50; times++) await server.send(packet("pointer-grab", 1));
    await server.send(packet("ping", 1));
    assertEquals((await client.next())?.type, "ping");
    assertEquals(said, ['The container sends "pointer-grab", which is dropped: xpra\'s client does not need it']);
    client.raw.close();
    assertEquals(await guard.ended, undefined);
  });
});

Deno.test("startGuard() ends a session of what is not xpra's protocol, with a reason", async () => {
  await inWorld([], async ({ client, server, guard }) => {
    await client.send(clientHello);
    await server.next();
    await server.raw.write(new TextEncoder().encode("SSH-2.0-OpenSSH_10.0\r\n"));
    assertEquals(await client.next(), undefined);
    assertStringIncludes((await guard.ended)!, "does not speak xpra's protocol");
  });
});

Deno.test("startGuard() ends a session for a packet over 2 MiB without pixels, or over 128 MiB with them", async () => {
  const [mib, pixels] = [1024 * 1024, 128 * 1024 * 1024];
  for (
    const [by, flags, index, most] of [
      ["server", 0x10, 0, 2 * mib],
      ["server", 0, 1, pixels],
      ["client", 0x10, 0, 4 * mib],
      ["client", 0, 1, pixels],
    ] as const
  ) {
    const announce = (size: number): Uint8Array<ArrayBuffer> => {
      const header = Uint8Array.of(80, flags, 0, index, 0, 0, 0, 0);
      new DataView(header.buffer).setUint32(4, size);
      return header;
    };
    await inWorld([], async (world) => {
      await greet(world);
      await world[by].raw.write(announce(most + 1));
      await world[by].raw.closeWrite();
      assertEquals(await world.guard.ended, `It sends a packet of ${most + 1} bytes`);
    });
    await inWorld([], async (world) => {
      await greet(world);
      await world[by].raw.write(announce(most));
      await world[by].raw.closeWrite();
      assertEquals(await world.guard.ended, undefined);
    });
  }
});

Deno.test("what has crossed in the last moments of a connection is in the history, too", async () => {
  const crossed: string[] = [];
  const crossings = createCrossings({ report: ({ type, bytes }) => void crossed.push(`${type} ${bytes}`), tell() {} });
  await inWorld(["clipboard-out"], async (world) => {
    await greet(world);
    const { client, server, guard } = world;
    await client.send(packet("clipboard-request", 5, "CLIPBOARD", "UTF8_STRING"));
    assertEquals((await server.next())?.type, "clipboard-request");
    await server.send(packet("clipboard-contents", 5, "CLIPBOARD", "UTF8_STRING", 8, "bytes", bytes(3), 0));
    assertEquals((await client.next())?.type, "clipboard-contents");
    client.raw.close();
    await guard.ended;
    assertEquals(crossed, ["UTF8_STRING 3"]);
  }, { crossings });
});

Deno.test("startGuard() ends a session that sends too much that must not pass", async () => {
  await inWorld([], async (world) => {
    await greet(world);
    const { server, guard } = world;
    const flood = Array.from({ length: 1000 }, () => packet("challenge", "x"));
    await assertRejects(async () => {
      for (;;) await server.send(...flood);
    }, Error);
    assertStringIncludes((await guard.ended)!, "too many packets");
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
  using time = startGuardTime();
  await inWorld(clipboard, async (world) => {
    await greet(world);
    await useWindow(world);
    const { server } = world;
    const count = await flood(world, packet("focus", 0, []));
    let passes = ["not yet judged"];
    for (let tries = 0; passes.length > 0 && tries < 50; tries++) {
      time.wait(1_500);
      passes = await passing(world, ...attacks);
    }
    assertEquals(passes, []);
    for (let each = 1; each < count; each++) await server.next();
    assertEquals(await server.next(), packet("focus", 0, []));
    assertEquals((await server.next())?.type, "clipboard-contents-none");
  });
});

Deno.test("startGuard() counts nobody as working in windows whose container has not read for a second, and ends it after ten", async () => {
  using time = startGuardTime();
  await inWorld(clipboard, async (world) => {
    await greet(world);
    await useWindow(world);
    const { client, server, guard } = world;
    assertEquals(await passing(world, menu, offer), ["new-override-redirect", "clipboard-token"]);
    const count = await flood(world);
    time.look(4);
    assertEquals(await soon(client.next(), 60_000), packet("lost-window", 2));
    assertEquals(await passing(world, ...attacks), []);
    for (let each = 0; each < count; each++) await server.next();
    assertEquals((await server.next())?.type, "clipboard-contents-none");
    assertEquals((await passing(world, menu, offer)).length, 2);

    await flood(world);
    time.look(21);
    assertEquals(await soon(guard.ended, 60_000), "it has read nothing for 10 seconds");
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
  const options = { container: "box", open: new Set<ChannelName>(), report() {}, remote: true };
  try {
    await assertRejects(
      () => relayPackets(connections, { ...options, memory: createMemory() }),
      Violation,
      "no longer decoded",
    );
  } finally {
    globalThis.Worker = Worker;
  }
});
