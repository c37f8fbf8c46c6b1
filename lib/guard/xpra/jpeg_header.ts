/**
 * The headers of a JPEG (ITU-T T.81): baseline, in one scan, so that decoding takes a time by its size, and without
 * comments or metadata.
 */

import { Refusal } from "../faults.ts";

/** In pixels. */
export type Dimensions = readonly [width: number, height: number];

interface Frame {
  size: Dimensions;
  components: readonly number[];
}

const marker = 0xff;
const startOfImage = 0xd8;
const endOfImage = 0xd9;
const startOfScan = 0xda;
const baselineFrame = 0xc0;
/** JFIF's own segment, tables for quantization and Huffman codes. */
const others: readonly number[] = [0xe0, 0xdb, 0xc4];
/** A frame header of three components, and that of their scan. */
const frameBytes = 17;
const scanBytes = 12;

/**
 * Reads the headers of a JPEG, and finds its end.
 *
 * @throws {Refusal} when it is not a JPEG, or has more in it
 */
export function jpegSize(view: DataView): Dimensions {
  const { byteLength } = view;
  if (byteLength < 4 || view.getUint16(0) !== (marker << 8 | startOfImage)) throw malformedJpeg();
  let frame: Frame | undefined;
  for (let at = 2; at + 4 <= byteLength;) {
    const kind = view.getUint8(at + 1);
    const length = view.getUint16(at + 2);
    if (view.getUint8(at) !== marker || at + 2 + length > byteLength) throw malformedJpeg();
    const body = new DataView(view.buffer, view.byteOffset + at + 2, length);
    at += 2 + length;
    if (kind === baselineFrame && !frame) frame = frameOf(body);
    else if (kind === startOfScan && frame) {
      checkScanHeader(body, frame);
      checkScan(new Uint8Array(view.buffer, view.byteOffset + at, byteLength - at));
      return frame.size;
    } else if (!others.includes(kind)) throw malformedJpeg();
  }
  throw malformedJpeg();
}

function frameOf(body: DataView): Frame {
  if (body.byteLength !== frameBytes || body.getUint8(2) !== 8 || body.getUint8(7) !== 3) throw malformedJpeg();
  const places = [8, 11, 14];
  for (const at of places) if (![0x11, 0x12, 0x21, 0x22].includes(body.getUint8(at + 1))) throw malformedJpeg();
  const components = places.map((at) => body.getUint8(at));
  if (new Set(components).size !== components.length) throw malformedJpeg();
  return { size: [body.getUint16(5), body.getUint16(3)], components };
}

/** The scan has each component of the frame once: a decoder would take the time for each that it names. */
function checkScanHeader(body: DataView, { components }: Frame): void {
  if (body.byteLength !== scanBytes || body.getUint8(2) !== components.length) throw malformedJpeg();
  if (components.some((component, index) => body.getUint8(3 + 2 * index) !== component)) throw malformedJpeg();
  if (body.getUint16(9) !== 0x003f || body.getUint8(11) !== 0) throw malformedJpeg();
}

/** What follows the header of the scan: no marker but the end, which is the last. */
function checkScan(bytes: Uint8Array): void {
  for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + 2)) {
    if (bytes[at + 1] === 0) continue;
    if (bytes[at + 1] === endOfImage && at + 2 === bytes.length) return;
    break;
  }
  throw malformedJpeg();
}

function malformedJpeg(): Refusal {
  return new Refusal("a picture is not a JPEG as xpra sends it");
}
