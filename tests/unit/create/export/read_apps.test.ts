// What a container answers that is asked for its apps.

import { assert, assertEquals } from "@std/assert";
import { parseAnswer, pngOf } from "../../../../lib/create/export/read_apps.ts";
import { entry, line } from "../../menus.ts";
import { Buffer } from "node:buffer";
import { inflateSync } from "node:zlib";
import { randomNumbers } from "../../samples.ts";

Deno.test("parseAnswer() takes the lines that have the form of an answer, the first one of each id", () => {
  const { apps, refused, isCut } = parseAnswer([
    line("/home/ubuntu/.local/share/applications/b.desktop", entry("Name=First")),
    line("/usr/share/applications/b.desktop", entry("Name=Second")),
    line("/usr/share/applications/a.desktop", entry()),
    line("/home/ubuntu/.local/share/applications/hidden.desktop", entry("Hidden=true")),
    line("/usr/share/applications/hidden.desktop", entry()),
    line("/usr/share/applications/bad.desktop", "nonsense"),
    line("/usr/share/applications/long.desktop", "x".repeat(100_001)),
    line("/usr/share/applications/../..desktop", entry()),
    line("/usr/share/applications/\x1b[2J.desktop", entry()),
    "/usr/share/applications/c.desktop\t!!!!",
    "/usr/share/applications/d.desktop\tA",
    "no line",
    "",
  ].join("\n"));
  assertEquals(apps.map(({ id, name }) => [id, name]), [["a", "Editor"], ["b", "First"]]);
  assertEquals(refused.map(({ id, reason }) => `${id} ${reason}`), [
    "bad is not an application",
    "d is not an application",
    "long is too long",
  ]);
  assertEquals(isCut, false);
});

Deno.test("parseAnswer() reads 200 entries and says that there are more", () => {
  const answer = Array.from({ length: 100_000 }, (_, n) => line(`/a/${n}.desktop`, entry())).join("\n");
  const { apps, isCut } = parseAnswer(answer);
  assertEquals([apps.length, isCut], [200, true]);
});

const pixels = Uint8Array.from(Array(4 * 2 * 4).keys());

function lineOf(width: number | string, height: number | string, bytes = pixels): string {
  return `${width} ${height} ${bytes.toBase64()}`;
}

Deno.test("pngOf() writes the pixels into a PNG file that has nothing else", () => {
  const file = pngOf(lineOf(4, 2))!;
  assertEquals(
    file.subarray(0, 33).toString("hex"),
    "89504e470d0a1a0a0000000d49484452000000040000000208060000007fa87d63",
  );
  const packed = file.readUInt32BE(33);
  assertEquals(file.toString("latin1", 37, 41), "IDAT");
  assertEquals(
    inflateSync(file.subarray(41, 41 + packed)),
    Buffer.from([0, ...pixels.slice(0, 16), 0, ...pixels.slice(16)]),
  );
  assertEquals(file.subarray(45 + packed).toString("hex"), "0000000049454e44ae426082");
  assert(pngOf(lineOf(128, 128, new Uint8Array(128 * 128 * 4))));
});

Deno.test("pngOf() refuses what is larger, or not what it says", () => {
  for (
    const [what, line] of Object.entries({
      "nothing": "",
      "no picture": "<svg xmlns='http://www.w3.org/2000/svg'/>",
      "a file in place of pixels": Buffer.from("\x89PNG\r\n\x1a\n").toString("base64"),
      "no pixels": "4 2 ",
      "no height": "4 0 ",
      "too few pixels": lineOf(4, 3),
      "too many pixels": lineOf(4, 1),
      "half a pixel": lineOf("0.5", 16),
      "a negative size": lineOf(-4, -2),
      "a size in hexadecimal": lineOf("0x4", 2),
      "sizes that only fit together": lineOf("4000000000", "0.000000002"),
      "a word more": `${lineOf(4, 2)} x`,
      "another alphabet": lineOf(4, 2).replace(/.$/, "\x1b"),
      "a picture that is too large": lineOf(200, 200, new Uint8Array(200 * 200 * 4)),
      "a picture that is too wide": lineOf(129, 1, new Uint8Array(129 * 4)),
    })
  ) assertEquals(pngOf(line), undefined, what);
});

Deno.test("pngOf() gives a picture of the size that it says or nothing, whatever it gets", () => {
  const random = randomNumbers(7);
  const line = lineOf(4, 2);
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(line.slice(0, random(10) === 0 ? random(line.length) : line.length));
    for (let change = 0; change <= random(4) && bytes.length > 0; change++) bytes[random(bytes.length)] = random(256);
    const file = pngOf(bytes.toString("latin1"));
    if (!file) continue;
    const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
    assertEquals(inflateSync(file.subarray(41, 41 + file.readUInt32BE(33))).length, (1 + 4 * width) * height);
  }
});
