// Frames: what a stream of bytes is cut into, and all that is no frame of xpra's.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes";
import { Violation } from "../../../../lib/guard/faults.ts";
import { createFrameParser, frame } from "../../../../lib/guard/xpra/frames.ts";
import { decodePacket } from "../../../../lib/guard/xpra/packets.ts";
import { encode, type Value } from "../../../../lib/guard/xpra/rencode.ts";
import { hex } from "../../xpra_samples.ts";

const limits = { mainBytes: 1000, chunkBytes: 5000 };

function header(flags: number, { compression = 0, index = 0, size = 1 } = {}): Uint8Array {
  return Uint8Array.of(80, flags, compression, index, size >>> 24, size >>> 16, size >>> 8, size);
}

Deno.test("createFrameParser() gives the packets of a stream, however it is cut", () => {
  const chunk = new Uint8Array(900).fill(3);
  const stream = concat([...frame(encode(["ping", 1]), 0), ...frame(chunk, 2), ...frame(encode(["draw", 1, ""]), 0)]);
  for (const size of [stream.length, ...Array.from({ length: 60 }, (_, index) => 1 + index * index)]) {
    const parser = createFrameParser(limits);
    const seen: unknown[] = [];
    for (let at = 0; at < stream.length; at += size) {
      const piece = stream.slice(at, at + size);
      for (const raw of parser(piece)) seen.push(decodePacket(raw));
      piece.fill(255);
    }
    const [ping, draw] = seen as { args: Value[] }[];
    assertEquals(ping!.args, [1]);
    assertEquals((draw!.args[1] as Uint8Array).length, 900);
    assertEquals(seen.length, 2);
  }
});

Deno.test("createFrameParser() keeps a chunk whose packet comes later", () => {
  const parser = createFrameParser(limits);
  const piece = concat([...frame(new Uint8Array(500).fill(9), 1)]);
  assertEquals(parser(piece), []);
  piece.fill(0);
  const [raw] = parser(concat([...frame(encode(["x", ""]), 0)]));
  assert(decodePacket(raw!).args[0] instanceof Uint8Array);
  assert((decodePacket(raw!).args[0] as Uint8Array).every((byte) => byte === 9));
});

for (
  const [what, bytes] of [
    ["another protocol", hex("474554202f204854")],
    ["encryption", header(0x12)],
    ["another encoder", header(0x04)],
    ["no encoder", header(0x00)],
    ["compression", header(0x10, { compression: 0x11 })],
    ["an empty payload", header(0x10, { size: 0 })],
    ["a long payload", header(0x10, { size: 1001 })],
    ["a long chunk", header(0, { index: 1, size: 5001 })],
    ["a chunk of no item", header(0, { index: 16 })],
    ["a chunk with an encoder", header(0x10, { index: 1 })],
    ["a size that claims the sign", header(0x10, { size: 0xffffffff })],
  ] as const
) {
  Deno.test(`createFrameParser() ends a session for ${what}`, () => {
    assertThrows(() => createFrameParser(limits)(bytes), Violation);
  });
}

Deno.test("createFrameParser() ends a session for more chunks than a packet has, and for one that comes twice", () => {
  const chunk = (index: number): Uint8Array => concat([...frame(Uint8Array.of(1), index)]);
  const parser = createFrameParser(limits);
  parser(concat([chunk(1), chunk(2), chunk(3)]));
  assertThrows(() => parser(chunk(4)), Violation);
  const other = createFrameParser(limits);
  other(chunk(1));
  assertThrows(() => other(chunk(1)), Violation);
});

Deno.test("createFrameParser() adds the chunks of a packet up", () => {
  const parser = createFrameParser(limits);
  parser(concat([...frame(new Uint8Array(4000), 1)]));
  assertThrows(() => parser(header(0, { index: 2, size: 1001 })), Violation);
});

Deno.test("createFrameParser() takes no memory for what was only announced", () => {
  const before = Deno.memoryUsage().external;
  const parsers = Array.from({ length: 20 }, () => {
    const parser = createFrameParser({ mainBytes: 1, chunkBytes: 128 << 20 });
    parser(concat([header(0, { index: 1, size: 128 << 20 }), new Uint8Array(10)]));
    return parser;
  });
  assert(Deno.memoryUsage().external - before < 64 << 20);
  assertEquals(parsers.length, 20);
});
