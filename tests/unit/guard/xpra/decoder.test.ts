// Pictures that the guard decodes, in a worker.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Refusal, Violation } from "../../../../lib/guard/faults.ts";
import { startDecoder } from "../../../../lib/guard/xpra/decoder.ts";
import type { Picture } from "../../../../lib/guard/xpra/pictures.ts";
import { picture } from "../../../fuzz/samples.ts";
import { changed, frameAt, largest, resized, scanAt, small } from "../../xpra_samples.ts";

/** As large, with a fourth component: jpeg-js would take 28 bytes for each pixel. */
function heaviest(): Picture {
  const bytes = changed((bytes) => {
    bytes.splice(scanAt + 14);
    bytes[scanAt + 3]! += 2;
    bytes[scanAt + 4] = 4;
    bytes.splice(scanAt + 11, 0, 4, 0);
    bytes.splice(frameAt + 5, 4, 16, 0, 16, 0);
    bytes[frameAt + 3]! += 3;
    bytes[frameAt + 9] = 4;
    bytes.splice(frameAt + 19, 0, 4, 0x11, 0);
    // Without Adobe's own segment jpeg-js refuses it for that.
    bytes.splice(2, 0, 0xff, 0xee, 0, 14, ...new TextEncoder().encode("Adobe\0"), 100, 0, 0, 0, 0, 0);
  });
  const [side, blocks] = [4096, [0x28, 0x00, 0xa2, 0x80, 0x0a]];
  const data = new Uint8Array(bytes.length + side ** 2 / 64 / 2 * blocks.length + 2);
  data.set(bytes);
  for (let at = bytes.length; at < data.length - 2; at += blocks.length) data.set(blocks, at);
  data.set([0xff, 0xd9], data.length - 2);
  return { data, width: side, height: side };
}

Deno.test("a decoder gives BGRX, one picture after the other", async () => {
  // On a busy machine the largest one takes its time.
  const decoder = startDecoder({ deadlineMs: 300_000 });
  try {
    for (let times = 0; times < 2; times++) {
      const pixels = await decoder.decode(small(picture));
      assertEquals(pixels.length, 8 * 6 * 4);
      for (const [at, bytes] of [[0, [230, 20, 10]], [28, [40, 30, 200]]] as const) {
        for (const [index, byte] of bytes.entries()) {
          assert(Math.abs(pixels[at + index]! - byte) < 30, `${pixels.slice(at, at + 4)}`);
        }
      }
    }
    const grey = await decoder.decode(largest());
    assertEquals([grey.length, ...grey.slice(-4)], [2 ** 26, 128, 128, 128, 255]);
  } finally {
    decoder.end();
  }
});

Deno.test("a decoder refuses what is no picture, or larger than its bounds, and goes on", async () => {
  const decoder = startDecoder({ deadlineMs: 300_000 });
  try {
    // Not all of these come as far: here it is the decoder's own bounds that hold.
    const broken: Picture[] = [
      resized(12_000, 12_000),
      resized(4096, 4096),
      heaviest(),
      { ...resized(8, 6), width: 4, height: 4 },
      small(picture.slice(0, 300)),
      small(picture.slice(0, -20)),
      small(new Uint8Array(100)),
      small(changed((bytes) => bytes.fill(0xff, 30))),
      // A scan without its tables.
      small(changed((bytes) => bytes[scanAt + 6] = 0x33)),
    ];
    for (const file of broken) {
      await assertRejects(() => decoder.decode(file), Refusal);
      assertEquals((await decoder.decode(small(picture))).length, 8 * 6 * 4);
    }
  } finally {
    decoder.end();
  }
});

Deno.test("a decoder that takes too long ends, and with it the session", async () => {
  const decoder = startDecoder({ deadlineMs: 1 });
  await assertRejects(() => decoder.decode(largest()), Violation, "too long");
});
