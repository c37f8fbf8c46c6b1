/**
 * Pictures from a container for the host's menu. The host's desktop will decode them, so a container sends pixels, and
 * the file around them is written here: the container has chosen nothing in it but its size and its colours.
 */

import { Buffer } from "node:buffer";
import { crc32, deflateSync } from "node:zlib";

/** What a PNG file begins with (PNG specification, 5.2). */
const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** 8 bits a channel, RGBA, and the usual compression, filters and order of rows (PNG specification, 11.2.1). */
const pixelFormat = [8, 6, 0, 0, 0];

/** The largest side of a picture, in pixels. */
const maxPictureSide = 128;
/** The longest line with a picture: one of the largest takes less. */
const maxPictureLine = 100_000;

/**
 * Writes a picture as a PNG file.
 *
 * @param line as render_icons.py, or whatever is in its place, prints it: `WIDTH HEIGHT PIXELS`
 * @returns undefined unless there are as many pixels as the size says
 */
export function pngOf(line: string): Buffer | undefined {
  const [, width, height, pixels] = /^([1-9]\d{0,2}) ([1-9]\d{0,2}) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  if (pixels === undefined || line.length > maxPictureLine) return undefined;
  if (Number(width) > maxPictureSide || Number(height) > maxPictureSide) return undefined;
  const rgba = Buffer.from(pixels, "base64");
  const row = 4 * Number(width);
  if (rgba.length !== row * Number(height)) return undefined;
  // Each row begins with its filter: none.
  const rows = Array.from({ length: Number(height) }, (_, y) => [Buffer.of(0), rgba.subarray(y * row, (y + 1) * row)]);
  return Buffer.concat([
    Buffer.from(signature),
    chunk("IHDR", Buffer.concat([uint32(Number(width)), uint32(Number(height)), Buffer.from(pixelFormat)])),
    chunk("IDAT", deflateSync(Buffer.concat(rows.flat()))),
    chunk("IEND", Buffer.of()),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const checked = Buffer.concat([Buffer.from(type), data]);
  return Buffer.concat([uint32(data.length), checked, uint32(crc32(checked))]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
