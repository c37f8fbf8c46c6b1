// How values are written as bytes and read again, and what is refused of a container's.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Violation } from "../../../../lib/guard/faults.ts";
import { decode, encode, type Value } from "../../../../lib/guard/xpra/rencode.ts";
import { hex } from "../../xpra_samples.ts";

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
];

// Lists and tables, as xpra writes them, and before a mark.
const ofItems: readonly (readonly [Value, string, string])[] = [
  [[], "c0", "3b7f"],
  [[1], "c101", "3b017f"],
  [new Map(), "66", "3c7f"],
  [new Map([[1, 2]]), "670102", "3c01027f"],
];

for (const [value, bytes] of written) {
  Deno.test(`decode() reads ${bytes.slice(0, 12)} as xpra does, and what encode() writes for it`, () => {
    assertEquals(decode(hex(bytes)), value);
    assertEquals(decode(encode(value)), value);
  });
}

Deno.test("decode() reads lists and tables both ways of xpra", () => {
  for (const [value, short, long] of ofItems) {
    for (const bytes of [short, long]) assertEquals(decode(hex(bytes)), value);
  }
});

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

Deno.test("decode() reads each integer that JavaScript has exactly as a number, and others as bigints", () => {
  const [least, largest] = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
  for (const number of [least, largest]) assertEquals(decode(encode(number)), number);
  for (const number of [BigInt(least) - 1n, BigInt(largest) + 1n]) assertEquals(decode(encode(number)), number);
});

Deno.test("decode() takes integers of 63 digits, as xpra does, and none of 64", () => {
  const digits = (count: number): Uint8Array => hex(`3d${"39".repeat(count)}7f`);
  assertEquals(decode(digits(63)), BigInt("9".repeat(63)));
  assertThrows(() => decode(digits(64)), Violation);
  assertThrows(() => encode(10n ** 63n), TypeError, "too many digits");
  assertEquals(decode(encode(10n ** 63n - 1n)), 10n ** 63n - 1n);
});

Deno.test("decode() takes twelve levels of lists and tables, the innermost in the twelfth, and none more", () => {
  for (const [open, close] of [["c1", ""], ["3b", "7f"], ["6701", ""], ["3c01", "7f"]] as const) {
    const nested = (levels: number): Uint8Array => hex(`${open.repeat(levels)}00${close.repeat(levels)}`);
    decode(nested(12));
    assertThrows(() => decode(nested(13)), Violation, "nested too deeply");
  }
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
