// Pictures of windows and of the pointer, as packets.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Refusal } from "../../../../lib/guard/faults.ts";
import { judgeClientPacket } from "../../../../lib/guard/xpra/client_packets.ts";
import { pixelsAt } from "../../../../lib/guard/xpra/drawing.ts";
import type { Delivery } from "../../../../lib/guard/xpra/judge.ts";
import type { Packet } from "../../../../lib/guard/xpra/packets.ts";
import type { Dict, Value } from "../../../../lib/guard/xpra/rencode.ts";
import { judgeServerPacket } from "../../../../lib/guard/xpra/server_packets.ts";
import { createSession, type Session } from "../../../../lib/guard/xpra/session.ts";
import { bytes, clientHello, description, dict, picture, serverHello } from "../../../fuzz/samples.ts";
import { pixels, server, session } from "../../xpra_samples.ts";

Deno.test("a picture has as many bytes as its size needs, in the pixels' file or in the packet", () => {
  const state = session();
  const draw = (...args: Value[]): Packet | undefined => server(state, "draw", 1, ...args);
  assert(draw(0, 0, 10, 100, "mmap", [[8, 4000]], 1, 40, pixels));
  for (const percent of [0, 100]) {
    const options = dict({ rgb_format: "BGRX", chunks: [[8, 4000]], quality: percent, speed: percent });
    const passed = draw(0, 0, 10, 100, "mmap", "", 1, 40, options)!.args.at(-1) as Dict;
    assertEquals([passed.get("quality"), passed.get("speed")], [percent, percent]);
  }
  const twoParts = dict({ rgb_format: "BGRX", chunks: [[73_728_000, 4000], [8, 0]] });
  assert(draw(0, 0, 10, 100, "mmap", "", 1, 40, twoParts), "the second one is empty, at the end of the file");
  assert(draw(0, 0, 10, 10, "rgb24", bytes(400), 1, 40, dict({ rgb_format: "BGRX" })));
  assert(draw(0, 0, 10, 10, "rgb24", bytes(300), 1, 30, new Map()));
  for (const [format, size] of Object.entries({ RGBA: 4, XRGB: 4, r210: 4, RGB: 3, BGR: 3, BGR565: 2 })) {
    assert(draw(0, 0, 10, 10, "rgb24", bytes(100 * size), 1, 10 * size, dict({ rgb_format: format })), format);
  }
  for (
    const args of [
      [0, 0, 10, 101, "mmap", [[8, 4000]], 1, 40, pixels],
      [0, 0, 10, 10, "mmap", [[0, 4000]], 1, 40, dict({ chunks: [[0, 4000]] })],
      [0, 0, 10, 10, "mmap", "", 1, 40, dict({ chunks: [[73_732_000, 4000]] })],
      [0, 0, 10, 10, "rgb24", bytes(399), 1, 40, dict({ rgb_format: "BGRX" })],
      [0, 0, 10, 10, "rgb24", bytes(400), 1, 39, dict({ rgb_format: "BGRX" })],
      [0, 0, 10, 10, "png", bytes(400), 1, 40, new Map()],
      [0, 0, 10, 10, "h264", bytes(400), 1, 40, new Map()],
      [0, 0, 10, 10, "scroll", bytes(400), 1, 40, new Map()],
      [-5, 0, 10, 10, "rgb24", bytes(400), 1, 40, new Map()],
      [0, 0, 20_000, 1, "rgb24", bytes(100_000), 1, 80_000, new Map()],
    ] as Value[][]
  ) {
    assertThrows(() => draw(...args), Refusal);
  }
  const passed = draw(0, 0, 10, 10, "rgb24", bytes(400), 1, 40, dict({ rgb_format: "BGRX", lz4: 2, zlib: 1 }))!;
  assertEquals([...(passed.args[9] as Dict).keys()], ["rgb_format"]);
});

/** A session with a container on another machine. */
function farSession(): Session {
  const made = createSession({
    container: "box",
    open: new Set(),
    now: () => 0,
    uuid: "0f".repeat(16),
    remote: true,
  });
  judgeClientPacket(clientHello, made);
  judgeServerPacket(serverHello, made);
  server(made, "new-window", 1, 100, 100, 484, 316, description, new Map());
  return made;
}

Deno.test("over a network compressed pictures are decoded, and come to the client as plain ones", () => {
  const draw = (...args: Value[]): Delivery => judgeServerPacket({ type: "draw", args: [1, ...args] }, farSession());
  const { pass, picture: compressed } = draw(
    4,
    5,
    8,
    6,
    "jpeg",
    picture,
    7,
    0,
    dict({ quality: 90, flush: 1, lz4: 1 }),
  );
  assertEquals([pass![0]!.args[6], compressed], ["", { data: picture, width: 8, height: 6 }]);
  const plain = bytes(8 * 6 * 4);
  const options = dict({ quality: 90, flush: 1, rgb_format: "BGRX" });
  assertEquals(pass![0]!.args.with(pixelsAt, plain), [1, 4, 5, 8, 6, "rgb32", plain, 7, 32, options]);
  assert(draw(0, 0, 10, 10, "rgb24", bytes(300), 1, 30, new Map()).pass);
  for (
    const args of [
      [4, 5, 8, 7, "jpeg", picture, 7, 0, new Map()],
      [4, 5, 8, 6, "jpeg", "", 7, 0, new Map()],
      [-1, 5, 8, 6, "jpeg", picture, 7, 0, new Map()],
      [4, 5, 8, 6, "png", picture, 7, 0, new Map()],
      [4, 5, 8, 6, "webp", picture, 7, 0, new Map()],
      [0, 0, 10, 100, "mmap", [[8, 4000]], 1, 40, pixels],
      [0, 0, 484, 316, "scroll", "", 5, 0, dict({ scroll: [[0, 13, 484, 303, 0, -13]] })],
    ] as Value[][]
  ) {
    assertThrows(() => draw(...args), Refusal);
  }
  // On the same machine nothing is decoded.
  assertThrows(() => server(session(), "draw", 1, 4, 5, 8, 6, "jpeg", picture, 7, 0, new Map()), Refusal);
});

Deno.test("cursors and icons are plain pixels of a bounded size", () => {
  const state = session();
  assert(server(state, "cursor", ""));
  assert(server(state, "cursor", "raw", 0, 0, 16, 16, 1, 1, 8, bytes(1024), "xterm"));
  const hidden = server(state, "cursor", "", 0, 0, 1, 1, 0, 0, 8, bytes(0), "");
  assertEquals(hidden!.args, ["raw", 0, 0, 1, 1, 0, 0, 8, new Uint8Array(4), ""]);
  // Of 29 bytes would become 256 KiB.
  assertThrows(() => server(state, "cursor", "", 0, 0, 256, 256, 0, 0, 8, bytes(0), ""), Refusal);
  assertThrows(() => server(state, "cursor", "", 0, 0, 8, 8, 0, 0, 8, bytes(256), ""), Refusal);
  assertThrows(() => server(state, "cursor", "png", 0, 0, 16, 16, 1, 1, 8, bytes(1024), "xterm"), Refusal);
  assertThrows(() => server(state, "cursor", "raw", 0, 0, 16, 16, 1, 1, 8, bytes(1023), "xterm"), Refusal);
  assertThrows(() => server(state, "cursor", "raw", 0, 0, 300, 1, 1, 1, 8, bytes(1200), ""), Refusal);
  assertThrows(() => server(state, "cursor", "raw", 0, 0, 16, 16, 1, 1, 8, bytes(1024), "../x/y"), Refusal);
});

Deno.test("the pointer changes its shape as often as an honest server lets it, and not a million times", () => {
  let time = 0;
  const state = createSession({ container: "box", open: new Set(), now: () => time, uuid: "" });
  judgeClientPacket(clientHello, state);
  judgeServerPacket(serverHello, state);
  const changes = (): number => {
    let count = 0;
    assertThrows(() => {
      for (; count < 10_000; count++) server(state, "cursor", "");
    }, Refusal);
    return count;
  };
  assertEquals(changes(), 1000);
  time += 2000;
  assertEquals(changes(), 300);
});
