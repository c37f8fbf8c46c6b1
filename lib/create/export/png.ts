/**
 * Pictures from a container for the host's menu. The host's desktop will decode them, so none passes as it is: the
 * pixels are unpacked and packed again into a file in which the container has chosen nothing but their colours.
 */

import { Buffer } from "node:buffer";
import { crc32, deflateSync, inflateSync } from "node:zlib";

/** Largest width and height, in pixels. */
const largestIconSide = 256;

/** What a PNG file begins with (PNG specification, 5.2). */
const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Bytes of a pixel, by its colour type: RGB and RGBA (PNG specification, 11.2.1). */
const bytesPerPixel: Readonly<Record<number, number>> = { 2: 3, 6: 4 };

/**
 * Writes a PNG file again. Of the old file only its size, its colour type and its pixels are read; what it says of its
 * colours, its text and its animation is left out.
 *
 * @returns undefined for anything but a picture of up to 256 × 256 pixels, 8 bits a channel, in RGB or RGBA, not
 * interlaced
 */
export function rewritePng(file: Uint8Array): Uint8Array | undefined {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (signature.some((byte, at) => bytes[at] !== byte)) return undefined;
  const chunks = chunksOf(bytes);
  const header = chunks[0];
  if (header?.type !== "IHDR" || header.data.length !== 13) return undefined;
  const [width, height, [depth, colours, compression, filter, interlace]] = [
    header.data.readUInt32BE(0),
    header.data.readUInt32BE(4),
    header.data.subarray(8),
  ];
  const perPixel = bytesPerPixel[colours!];
  if (width < 1 || height < 1 || width > largestIconSide || height > largestIconSide) return undefined;
  if (perPixel === undefined || depth !== 8 || compression !== 0 || filter !== 0 || interlace !== 0) return undefined;
  const row = 1 + width * perPixel;
  const packed = Buffer.concat(chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data));
  const pixels = unpack(packed, row * height);
  // A row begins with the number of its filter, of which there are five (PNG specification, 9.2).
  if (!pixels || Array.from({ length: height }, (_, y) => pixels[y * row]!).some((filter) => filter > 4)) {
    return undefined;
  }
  return Buffer.concat([
    Buffer.from(signature),
    chunk("IHDR", Buffer.from(header.data)),
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The chunks up to the end of the picture, or of the file. */
function chunksOf(bytes: Buffer): { type: string; data: Buffer }[] {
  const chunks = [];
  for (let at = signature.length; at + 12 <= bytes.length;) {
    const type = bytes.toString("latin1", at + 4, at + 8);
    const end = at + 8 + bytes.readUInt32BE(at);
    if (type === "IEND" || end > bytes.length) break;
    chunks.push({ type, data: bytes.subarray(at + 8, end) });
    at = end + 4;
  }
  return chunks;
}

/** What was packed, if it is exactly so many bytes long. No more than these are unpacked. */
function unpack(packed: Buffer, length: number): Buffer | undefined {
  try {
    const bytes = inflateSync(packed, { maxOutputLength: length });
    return bytes.length === length ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function chunk(type: string, data: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const checked = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(checked));
  return Buffer.concat([length, checked, sum]);
}
