// The old and the new names of xpra's packets.

import { assertEquals } from "@std/assert";
import { createFrameParser } from "../../../../lib/guard/xpra/frames.ts";
import { oldName, takesNewNames } from "../../../../lib/guard/xpra/names.ts";
import { decodePacket, encodePacket, type Packet, renamed } from "../../../../lib/guard/xpra/packets.ts";
import { fromClient, fromServer } from "../../../fuzz/samples.ts";

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
