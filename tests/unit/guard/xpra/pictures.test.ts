// JPEGs, which come over a network: which ones the guard decodes, and what a hostile one can do.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { startDecoder } from "../../../../lib/guard/xpra/decoder.ts";
import { Refusal, Violation } from "../../../../lib/guard/faults.ts";
import { checkPicture, type Picture } from "../../../../lib/guard/xpra/pictures.ts";
import { picture } from "../../../fuzz/samples.ts";

function base64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Of 8 × 6 pixels, in scan after scan: each costs as much as a picture. */
const progressive = base64(
  "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/" +
    "2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wgARCAAGAAgDASIAAhEBAxEB/8QA" +
    "FQABAQAAAAAAAAAAAAAAAAAAAAX/xAAVAQEBAAAAAAAAAAAAAAAAAAACBP/aAAwDAQACEAMQAAABnBW//8QAFRABAQAAAAAAAAAAAAAAAAAAAAL/2gAIAQEA" +
    "AQUCh//EABcRAAMBAAAAAAAAAAAAAAAAAAABAzP/2gAIAQMBAT8Bhmj/xAAXEQADAQAAAAAAAAAAAAAAAAAAAQQz/9oACAECAQE/AadWf//EABQQAQAAAAAA" +
    "AAAAAAAAAAAAAAD/2gAIAQEABj8Cf//EABUQAQEAAAAAAAAAAAAAAAAAAABB/9oACAEBAAE/Ibf/2gAMAwEAAgADAAAAEPf/xAAWEQEBAQAAAAAAAAAAAAAA" +
    "AACxAAH/2gAIAQMBAT8QY7f/xAAWEQEBAQAAAAAAAAAAAAAAAACxAAH/2gAIAQIBAT8QKZf/xAAVEAEBAAAAAAAAAAAAAAAAAAAAwf/aAAgBAQABPxCL/9k=",
);

const frame = picture.findIndex((byte, at) => byte === 0xff && picture[at + 1] === 0xc0);
const scan = picture.lastIndexOf(0xda) - 1;

/** The picture with other bytes. */
function changed(change: (bytes: number[]) => void): Uint8Array {
  const bytes = [...picture];
  change(bytes);
  return Uint8Array.from(bytes);
}

/** The picture as one of another size, with too few bytes for its pixels. */
function resized(width: number, height: number): Picture {
  const data = changed((bytes) => bytes.splice(frame + 5, 4, height >> 8, height & 0xff, width >> 8, width & 0xff));
  return { data, width, height };
}

/** The largest picture: 4096 × 4096 pixels of one grey. */
function largest(): Picture {
  const { width, height, data } = resized(4096, 4096);
  // Four blocks of each colour: no difference to the block before, and its end.
  const blocks = [0x28, 0x00, 0xa0, 0x02, 0x80, 0x0a, 0x00];
  const head = scan + 14;
  const bytes = new Uint8Array(head + (width * height / 64 / 4) * blocks.length + 2);
  bytes.set(data.subarray(0, head));
  for (let at = head; at < bytes.length - 2; at += blocks.length) bytes.set(blocks, at);
  bytes.set([0xff, 0xd9], bytes.length - 2);
  return { data: bytes, width, height };
}

/** As large, with a fourth component: jpeg-js would take 28 bytes for each pixel. */
function heaviest(): Picture {
  const bytes = changed((bytes) => {
    bytes.splice(scan + 14);
    bytes[scan + 3]! += 2;
    bytes[scan + 4] = 4;
    bytes.splice(scan + 11, 0, 4, 0);
    bytes.splice(frame + 5, 4, 16, 0, 16, 0);
    bytes[frame + 3]! += 3;
    bytes[frame + 9] = 4;
    bytes.splice(frame + 19, 0, 4, 0x11, 0);
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

const small = (data: Uint8Array): Picture => ({ data, width: 8, height: 6 });

Deno.test("checkPicture() takes what xpra sends", () => {
  checkPicture(small(picture));
  checkPicture(largest());
  // As in a packet: in the middle of other bytes.
  const around = new Uint8Array(1000).fill(9);
  around.set(picture, 333);
  checkPicture(small(around.subarray(333, 333 + picture.length)));
});

Deno.test("checkPicture() refuses what is larger than its packet says, or than a screen", () => {
  const refused = (file: Picture, message: string): void =>
    void assertThrows(() => checkPicture(file), Refusal, message);
  for (const [width, height] of [[7, 6], [8, 5], [9, 6], [4096, 4096]] as const) {
    refused({ data: picture, width, height }, "not as large");
  }
  refused(small(resized(12_000, 12_000).data), "not as large");
  refused(resized(12_000, 12_000), "too many pixels");
  refused(resized(4097, 4096), "too many pixels");
  refused(small(changed((bytes) => bytes.splice(-2, 0, ...new Array(8192).fill(0)))), "too many bytes");
});

Deno.test("checkPicture() refuses what takes a time that is not by its size, other formats, and what is cut or has bytes behind it", () => {
  const jpegs = [
    // Two scans, a comment, a second frame, restarts: their interval, and one within the scan.
    changed((bytes) => bytes.splice(-2, 0, ...bytes.slice(scan, -2))),
    changed((bytes) => bytes.splice(2, 0, 0xff, 0xfe, 0, 4, 65, 66)),
    changed((bytes) => bytes.splice(frame, 0, ...bytes.slice(frame, frame + 19))),
    changed((bytes) => bytes.splice(2, 0, 0xff, 0xdd, 0, 4, 0, 1)),
    changed((bytes) => bytes.splice(-8, 0, 0xff, 0xd0)),
    // Other factors, one component, progressive, two components of one number.
    changed((bytes) => bytes[frame + 11] = 0x44),
    changed((bytes) => bytes[frame + 9] = 1),
    changed((bytes) => bytes[frame + 1] = 0xc2),
    changed((bytes) => bytes[frame + 13] = bytes[frame + 10]!),
    // A scan of one component four times, of another one, of some frequencies, and of some bits.
    changed((bytes) => bytes.splice(scan + 2, 9, 0, 14, 4, 1, 0, 1, 0, 1, 0, 1, 0)),
    changed((bytes) => bytes[scan + 7] = bytes[scan + 5]!),
    changed((bytes) => bytes[scan + 12] = 5),
    changed((bytes) => bytes[scan + 13] = 0x10),
  ];
  const webp = base64("UklGRigAAABXRUJQVlA4TBsAAAAvB0ABEA9wBYor+F7IfP6jBQBB/N96MBHR/xAA");
  for (const data of [progressive, webp, ...jpegs, new Uint8Array(), new Uint8Array(64)]) {
    assertThrows(() => checkPicture(small(data)), Refusal, "not a JPEG");
  }
  for (let length = 0; length < picture.length; length++) {
    assertThrows(() => checkPicture(small(picture.slice(0, length))), Refusal);
  }
  assertThrows(() => checkPicture(small(Uint8Array.from([...picture, 0, 0]))), Refusal);
});

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
      small(changed((bytes) => bytes[scan + 6] = 0x33)),
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
