// Frames and rencodeplus: what xpra's bytes are cut and read into, and all that is no packet of xpra's.

import { concat } from "@std/bytes";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Violation } from "../../../../lib/guard/faults.ts";
import { createFrameParser, frame } from "../../../../lib/guard/xpra/frames.ts";
import { decodePacket, encodePacket } from "../../../../lib/guard/xpra/packets.ts";
import { decode, encode, type Value } from "../../../../lib/guard/xpra/rencode.ts";

const limits = { mainBytes: 1000, chunkBytes: 5000 };

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

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
      for (const raw of parser.push(piece)) seen.push(decodePacket(raw));
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
  assertEquals(parser.push(piece), []);
  piece.fill(0);
  const [raw] = parser.push(concat([...frame(encode(["x", ""]), 0)]));
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
    assertThrows(() => createFrameParser(limits).push(bytes), Violation);
  });
}

Deno.test("createFrameParser() ends a session for more chunks than a packet has, and for one that comes twice", () => {
  const chunk = (index: number): Uint8Array => concat([...frame(Uint8Array.of(1), index)]);
  const parser = createFrameParser(limits);
  parser.push(concat([chunk(1), chunk(2), chunk(3)]));
  assertThrows(() => parser.push(chunk(4)), Violation);
  const other = createFrameParser(limits);
  other.push(chunk(1));
  assertThrows(() => other.push(chunk(1)), Violation);
});

Deno.test("createFrameParser() adds the chunks of a packet up", () => {
  const parser = createFrameParser(limits);
  parser.push(concat([...frame(new Uint8Array(4000), 1)]));
  assertThrows(() => parser.push(header(0, { index: 2, size: 1001 })), Violation);
});

Deno.test("createFrameParser() takes no memory for what was only announced", () => {
  const before = Deno.memoryUsage().external;
  const parsers = Array.from({ length: 20 }, () => {
    const parser = createFrameParser({ mainBytes: 1, chunkBytes: 128 << 20 });
    parser.push(concat([header(0, { index: 1, size: 128 << 20 }), new Uint8Array(10)]));
    return parser;
  });
  assert(Deno.memoryUsage().external - before < 64 << 20);
  assertEquals(parsers.length, 20);
});

// Written by xpra 6.5.5's own encoder.
const written: readonly (readonly [Value, string])[] = [
  [0, "00"],
  [43, "2b"],
  [44, "3e2c"],
  [127, "3e7f"],
  [128, "3f0080"],
  [-1, "46"],
  [-32, "65"],
  [-33, "3edf"],
  [-129, "3fff7f"],
  [32768, "4000008000"],
  [2 ** 31, "410000000080000000"],
  [9223372036854775807n, "417fffffffffffffff"],
  [-9223372036854775808n, "418000000000000000"],
  [9223372036854775808n, "3d393232333337323033363835343737353830387f"],
  [{ float: 1.5 }, "2c3ff8000000000000"],
  [true, "43"],
  [false, "44"],
  [null, "45"],
  ["", "80"],
  ["é", "82c3a9"],
  ["a".repeat(63), `bf${"61".repeat(63)}`],
  ["a".repeat(64), `36343a${"61".repeat(64)}`],
  [new Uint8Array(), "302f"],
  [Uint8Array.of(97), "312f61"],
  [[], "c0"],
  [[1], "c101"],
  [new Map(), "66"],
  [new Map([[1, 2]]), "670102"],
];

for (const [value, bytes] of written) {
  Deno.test(`encode() and decode() write and read ${bytes.slice(0, 12)} as xpra does`, () => {
    assertEquals(encode(value), hex(bytes));
    assertEquals(decode(hex(bytes)), value);
  });
}

Deno.test("encode() and decode() agree on long lists and tables", () => {
  const list = Array.from({ length: 64 }, (_, index) => index);
  const table = new Map(list.map((key) => [key, `${key}`]));
  for (const value of [list, table, [list, table, "x".repeat(1000), -5]]) assertEquals(decode(encode(value)), value);
});

for (
  const [what, bytes] of [
    ["what goes on behind its end", "0000"],
    ["nothing", ""],
    ["a text that is not UTF-8", "81ff"],
    ["a text that ends too early", "353a6161"],
    ["bytes that end too early", "3939393939393939392f61"],
    ["a list that ends too early", "c2c0"],
    ["a list without an end", "3b0102"],
    ["a table without a value", "6701"],
    ["a table with a list for a key", "67c001"],
    ["a length of letters", "3a"],
    ["an integer of letters", "3d316131317f"],
    ["an integer without digits", "3d7f"],
    ["an integer without an end", "3d3131"],
    ["an integer of too many digits", `3d${"39".repeat(70)}7f`],
    ["a length of too many digits", `${"39".repeat(30)}3a`],
    ["an unknown type", "2d"],
  ] as const
) {
  Deno.test(`decode() refuses ${what}`, () => {
    assertThrows(() => decode(hex(bytes)), Violation);
  });
}

Deno.test("decode() refuses what would overflow the stack of xpra's own decoder", () => {
  assertThrows(() => decode(new Uint8Array(100_000).fill(0xc1)), Violation);
  assertThrows(() => decode(new Uint8Array(100_000).fill(0x3b)), Violation);
  assertThrows(() => decode(new Uint8Array(100_000).fill(0x67)), Violation);
});

Deno.test("decode() refuses more values than a packet holds", () => {
  assertThrows(() => decode(encode(Array.from({ length: 30_000 }, () => 0))), Violation);
  assertEquals((decode(encode(Array.from({ length: 300 }, () => 0))) as Value[]).length, 300);
});

Deno.test("decode() takes names of JavaScript's own for plain keys", () => {
  const read = decode(encode(new Map([["__proto__", new Map([["polluted", true]])]])));
  assert(read instanceof Map);
  assertEquals(({} as Record<string, unknown>)["polluted"], undefined);
});

Deno.test("decodePacket() refuses what is no packet, and chunks for items that there are not", () => {
  for (const value of ["text", [], [1, 2], [Uint8Array.of(97)]]) {
    assertThrows(() => decodePacket({ main: encode(value), chunks: new Map() }), Violation);
  }
  assertThrows(() => decodePacket({ main: encode(["a", 1]), chunks: new Map([[2, Uint8Array.of(1)]]) }), Violation);
});

Deno.test("encodePacket() does not copy large bytes", () => {
  const pixels = new Uint8Array(10_000);
  assert(encodePacket({ type: "draw", args: [1, pixels] }).includes(pixels));
});
