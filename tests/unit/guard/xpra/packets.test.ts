// Packets in frames, with their chunks.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Violation } from "../../../../lib/guard/faults.ts";
import { maxChunks } from "../../../../lib/guard/xpra/frames.ts";
import { decodePacket, encodePacket } from "../../../../lib/guard/xpra/packets.ts";
import { encode } from "../../../../lib/guard/xpra/rencode.ts";

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

Deno.test("encodePacket() makes no more chunks than a packet may have: what else is large goes with the rest", () => {
  const items = Array.from({ length: 20 }, (_, index) => new Uint8Array(10_000).fill(index));
  const parts = encodePacket({ type: "draw", args: items });
  const apart = items.filter((item) => parts.includes(item));
  assertEquals(apart, items.slice(0, maxChunks));
});
