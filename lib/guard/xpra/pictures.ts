/**
 * Checks compressed pictures, which come over a network, before they are decoded. A picture must be a baseline JPEG
 * (ITU-T T.81) in one scan, so that its size bounds the time for decoding, without comments or metadata.
 */

import { Refusal } from "../faults.ts";
import type { Size } from "../limits.ts";

export interface Picture extends Size {
  /** The JPEG file. May be a view of bytes that change. */
  data: Uint8Array;
}

/** How many pixels a picture may have: two screens of 3840 × 2160. */
const maxPixels = 2 ** 24;
/** How many bytes a picture may have for its headers, besides those for its pixels. */
const headroom = 4096;

/**
 * Checks that a picture is a JPEG as xpra 5.1.6 and 6.5.5 send it, and has the announced size.
 *
 * @throws {Refusal} when it must not be decoded
 */
export function checkPicture({ data, ...size }: Picture): void {
  const { width, height } = size;
  if (width * height > maxPixels) throw new Refusal("a compressed picture has too many pixels");
  if (data.length > width * height * 4 + headroom) throw new Refusal("a compressed picture has too many bytes");
  checkJpeg(new DataView(data.buffer, data.byteOffset, data.byteLength), size);
}

const marker = 0xff;
const startOfImage = 0xd8;
const endOfImage = 0xd9;
const startOfScan = 0xda;
const baselineFrame = 0xc0;
/** The segments of JFIF, of quantization tables and of Huffman tables. */
const others: readonly number[] = [0xe0, 0xdb, 0xc4];
/** The lengths of a frame header with three components, and of their scan header, in bytes. */
const frameBytes = 17;
const scanBytes = 12;

/** Checks the headers of a JPEG, and that nothing follows its end. */
function checkJpeg(view: DataView, size: Size): void {
  const { byteLength } = view;
  if (byteLength < 4 || view.getUint16(0) !== (marker << 8 | startOfImage)) throw malformedJpeg();
  let components: readonly number[] | undefined;
  for (let at = 2; at + 4 <= byteLength;) {
    const kind = view.getUint8(at + 1);
    const length = view.getUint16(at + 2);
    if (view.getUint8(at) !== marker || at + 2 + length > byteLength) throw malformedJpeg();
    const body = new DataView(view.buffer, view.byteOffset + at + 2, length);
    at += 2 + length;
    if (kind === baselineFrame && !components) components = componentsIn(body, size);
    else if (kind === startOfScan && components) {
      checkScanHeader(body, components);
      return checkScan(new Uint8Array(view.buffer, view.byteOffset + at, byteLength - at));
    } else if (!others.includes(kind)) throw malformedJpeg();
  }
  throw malformedJpeg();
}

/** The ids of the components, in their order, from a frame header of this size. */
function componentsIn(body: DataView, { width, height }: Size): number[] {
  if (body.byteLength !== frameBytes || body.getUint8(2) !== 8 || body.getUint8(7) !== 3) throw malformedJpeg();
  const places = [8, 11, 14];
  for (const at of places) if (![0x11, 0x12, 0x21, 0x22].includes(body.getUint8(at + 1))) throw malformedJpeg();
  const components = places.map((at) => body.getUint8(at));
  if (new Set(components).size !== components.length) throw malformedJpeg();
  if (body.getUint16(5) !== width || body.getUint16(3) !== height) {
    throw new Refusal("a picture is not as large as its packet says");
  }
  return components;
}

/** Checks that a scan has each component of the frame once: a decoder would spend time on each that it names. */
function checkScanHeader(body: DataView, components: readonly number[]): void {
  if (body.byteLength !== scanBytes || body.getUint8(2) !== components.length) throw malformedJpeg();
  if (components.some((component, index) => body.getUint8(3 + 2 * index) !== component)) throw malformedJpeg();
  if (body.getUint16(9) !== 0x003f || body.getUint8(11) !== 0) throw malformedJpeg();
}

/** Checks the data of the scan: its only marker is that of the end, which comes last. */
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
