// JPEGs, which come over a network: which ones the guard decodes, and what a hostile one can do.

import { assertThrows } from "@std/assert";
import { Refusal } from "../../../../lib/guard/faults.ts";
import { checkPicture, type Picture } from "../../../../lib/guard/xpra/pictures.ts";
import { picture } from "../../../fuzz/samples.ts";
import { changed, frameAt, largest, resized, scanAt, small } from "../../xpra_samples.ts";

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
    changed((bytes) => bytes.splice(-2, 0, ...bytes.slice(scanAt, -2))),
    changed((bytes) => bytes.splice(2, 0, 0xff, 0xfe, 0, 4, 65, 66)),
    changed((bytes) => bytes.splice(frameAt, 0, ...bytes.slice(frameAt, frameAt + 19))),
    changed((bytes) => bytes.splice(2, 0, 0xff, 0xdd, 0, 4, 0, 1)),
    changed((bytes) => bytes.splice(-8, 0, 0xff, 0xd0)),
    // Other factors, one component, progressive, two components of one number.
    changed((bytes) => bytes[frameAt + 11] = 0x44),
    changed((bytes) => bytes[frameAt + 9] = 1),
    changed((bytes) => bytes[frameAt + 1] = 0xc2),
    changed((bytes) => bytes[frameAt + 13] = bytes[frameAt + 10]!),
    // A scan of one component four times, of another one, of some frequencies, and of some bits.
    changed((bytes) => bytes.splice(scanAt + 2, 9, 0, 14, 4, 1, 0, 1, 0, 1, 0, 1, 0)),
    changed((bytes) => bytes[scanAt + 7] = bytes[scanAt + 5]!),
    changed((bytes) => bytes[scanAt + 12] = 5),
    changed((bytes) => bytes[scanAt + 13] = 0x10),
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
