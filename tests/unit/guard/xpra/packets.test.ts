// Packets in frames, with their chunks.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Violation } from "../../../../lib/guard/faults.ts";
import {
  decodePacket,
  encodePacket,
  oldName,
  type Packet,
  renamed,
  takesNewNames,
} from "../../../../lib/guard/xpra/packets.ts";
import { encode } from "../../../../lib/guard/xpra/rencode.ts";
import { createFrameParser } from "../../../../lib/guard/xpra/frames.ts";
import { fromClient, fromServer } from "../../../fuzz/samples.ts";

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

function decodedAgain(packet: Packet): Packet {
  const parser = createFrameParser({ mainBytes: 2 ** 20, chunkBytes: 2 ** 22 });
  return decodePacket(encodePacket(packet).flatMap((part) => parser.push(part))[0]!);
}

Deno.test("a packet by its new name is decoded as the one by its old name", () => {
  let count = 0;
  for (const packet of [...fromServer, ...fromClient]) {
    const name = renamed(packet).type;
    // To xpra 6.6 these are windows like others.
    if (packet.type.includes("override-redirect") || name === packet.type) continue;
    count++;
    assertEquals(decodedAgain(renamed(packet)).type, packet.type, name);
  }
  assertEquals(count > 30, true, `${count}`);
});

Deno.test("an old name, one that has not changed and one that nobody knows stay as they are", () => {
  for (const name of ["new-window", "window-metadata", "hello", "no-such-type", "constructor", "__proto__", ""]) {
    assertEquals(oldName(name), name);
  }
});

for (
  const [version, isNew] of [
    ["5.1.6", false],
    ["6.5", false],
    ["6.5.5", false],
    ["6.6", true],
    ["6.10.1", true],
    ["7.0", true],
    ["10", false],
    ["", false],
    [6, false],
  ] as const
) {
  Deno.test(`takesNewNames() is ${isNew} of the version ${JSON.stringify(version)}`, () => {
    assertEquals(takesNewNames(new Map([["version", version]])), isNew);
  });
}

Deno.test("takesNewNames() is false of a hello without a version, and of none", () => {
  assertEquals([takesNewNames(new Map()), takesNewNames("6.6"), takesNewNames(undefined)], [false, false, false]);
});
