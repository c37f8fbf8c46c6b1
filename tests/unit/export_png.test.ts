// Pictures of a container: what is written anew, and what is not even unpacked.

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { rewritePng } from "../../lib/create/export/png.ts";
import { randomNumbers } from "./samples.ts";

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function chunk(type: string, data: Uint8Array): Uint8Array {
  const all = Buffer.concat([Buffer.alloc(4), Buffer.from(type), data, Buffer.alloc(4)]);
  all.writeUInt32BE(data.length);
  all.writeUInt32BE(crc32(all.subarray(4, -4)), all.length - 4);
  return all;
}

/** A header, with these values in place of those of a picture of 4 × 2 pixels in RGBA. */
function header(
  { width = 4, height = 2, depth = 8, colours = 6, compression = 0, filter = 0, interlace = 0 } = {},
): Uint8Array {
  const data = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, depth, colours, compression, filter, interlace]);
  data.writeUInt32BE(width);
  data.writeUInt32BE(height, 4);
  return chunk("IHDR", data);
}

const rows = Uint8Array.from([1, ...Array(16).keys(), 4, ...Array(16).keys()]);

function png(...chunks: Uint8Array[]): Uint8Array {
  return Buffer.concat([Uint8Array.from(signature), ...chunks]);
}

const [idat, end] = [chunk("IDAT", deflateSync(rows)), chunk("IEND", new Uint8Array())];

Deno.test("rewritePng() keeps size and pixels, and nothing else", () => {
  const packed = deflateSync(rows);
  const file = png(
    header(),
    chunk("tEXt", Buffer.from("Comment\0\x1b[2J")),
    chunk("iCCP", Buffer.from("profile")),
    chunk("IDAT", packed.subarray(0, 5)),
    chunk("IDAT", Buffer.concat([packed.subarray(5), Buffer.from("hidden")])),
    end,
    Buffer.from("#!/bin/sh"),
  );
  const plain = png(header(), idat, end);
  assertEquals(Buffer.from(rewritePng(file)!).toString("hex"), Buffer.from(plain).toString("hex"));
  assertEquals(inflateSync(deflateSync(rows)), Buffer.from(rows));
  const rgb = png(header({ colours: 2, width: 5 }), chunk("IDAT", deflateSync(new Uint8Array(32))), end);
  assert(rewritePng(rgb));
  const largest = deflateSync(new Uint8Array((1 + 256 * 4) * 256));
  assert(rewritePng(png(header({ width: 256, height: 256 }), chunk("IDAT", largest), end)));
});

Deno.test("rewritePng() refuses what is larger, of another kind, or not what it says", () => {
  for (
    const [what, file] of Object.entries({
      "nothing": new Uint8Array(),
      "no picture": Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"),
      "no header": png(idat, end),
      "no pixels": png(header(), end),
      "too wide": png(header({ width: 60_000, height: 60_000 }), idat, end),
      "one pixel too wide": png(
        header({ width: 257, height: 1 }),
        chunk("IDAT", deflateSync(new Uint8Array(1029))),
        end,
      ),
      "one pixel too high": png(
        header({ width: 1, height: 257 }),
        chunk("IDAT", deflateSync(new Uint8Array(1285))),
        end,
      ),
      "no height": png(header({ height: 0 }), chunk("IDAT", deflateSync(new Uint8Array())), end),
      "16 bits": png(header({ depth: 16 }), idat, end),
      "a palette": png(header({ colours: 3 }), idat, end),
      "grey": png(header({ colours: 0 }), idat, end),
      "interlaced": png(header({ interlace: 1 }), idat, end),
      "another compression": png(header({ compression: 1 }), idat, end),
      "another filter": png(header({ filter: 1 }), idat, end),
      "an unknown filter of a row": png(header(), chunk("IDAT", deflateSync(rows.with(17, 5))), end),
      "too few pixels": png(header({ height: 3 }), idat, end),
      "too many pixels": png(header({ height: 1 }), idat, end),
      "a bomb": png(header(), chunk("IDAT", deflateSync(new Uint8Array(100_000_000))), end),
      "no zlib": png(header(), chunk("IDAT", Buffer.from("garbage")), end),
      "an endless chunk": png(header(), Buffer.from("\xff\xff\xff\xffIDAT", "latin1"), idat, end),
      "a long header": png(chunk("IHDR", new Uint8Array(14)), idat, end),
    })
  ) assertEquals(rewritePng(file), undefined, what);
});

Deno.test("rewritePng() gives a whole picture or nothing, whatever bytes it gets", () => {
  const random = randomNumbers(7);
  const file = png(header(), idat, end);
  for (let round = 0; round < 20_000; round++) {
    const bytes = file.slice(0, random(10) === 0 ? random(file.length) : file.length);
    for (let change = 0; change <= random(4); change++) bytes[random(bytes.length)] = random(256);
    const written = rewritePng(bytes);
    if (written) assertEquals(rewritePng(written), written);
  }
});
