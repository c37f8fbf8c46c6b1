/**
 * The pictures of windows and of the pointer. Only plain pixels pass; xpra's client decodes nothing. Compressed
 * pictures, which come over a network, are decoded by the guard.
 */

import { Refusal } from "../faults.ts";
import { maxPointerSide } from "../limits.ts";
import { checkPicture, type Picture } from "./pictures.ts";
import type { Value } from "./rencode.ts";
import { type Args, args, bytes, count, fields, integer, list, oneOf, tuple, word } from "./shapes.ts";
import { coordinate, side, windowNumber } from "./geometry.ts";
import type { Session } from "./session.ts";

const maxPixelBytes = 128 * 1024 * 1024;
/** The pixels' file begins with two pointers of four bytes. */
const pixelsStart = 8;

/** Bytes of a pixel, by the format's name in xpra. */
const pixelBytes = { BGRX: 4, BGRA: 4, RGBX: 4, RGBA: 4, XRGB: 4, r210: 4, RGB: 3, BGR: 3, BGR565: 2 } as const;

/** xpra 6.5.5 sends a second part without bytes where the first one ends with the file. */
const parts = list(tuple(integer(pixelsStart, 2 ** 31), integer(0, 2 ** 31)), 2);

const drawOptions = fields({
  "rgb_format": oneOf(...Object.keys(pixelBytes)),
  "chunks": parts,
  "flush": integer(0, 0xffff),
  "window-size": tuple(side, side),
  "quality": integer(0, 100),
  "speed": integer(0, 100),
});

const drawnPlace = [windowNumber, coordinate, coordinate, side, side] as const;
const drawHead = args([...drawnPlace, oneOf("mmap", "rgb24", "rgb32")]);
const remoteHead = args([...drawnPlace, oneOf("rgb24", "rgb32", "jpeg")]);

/** The index of the argument with the pixels. */
export const pixelsAt = 6;

/**
 * Checks a picture in a window: it must have enough bytes for its size, in the file for pixels or in the packet. From
 * another machine it may be compressed.
 *
 * @returns the arguments that pass, and a picture to be decoded, whose pixels become the argument {@linkcode pixelsAt}
 */
export function drawing(
  values: readonly Value[],
  { pixelsBytes, remote }: Pick<Session, "pixelsBytes" | "remote">,
): { args: Value[]; picture?: Picture } {
  const head = (remote ? remoteHead : drawHead)(values);
  const [, x, y, width, height, coding] = head;
  if (x < 0 || y < 0) throw new Refusal("a picture begins outside of its window");
  const sequence = count(values[7]!);
  const options = drawOptions(values[9] ?? new Map());
  if (coding === "jpeg") {
    options.delete("chunks");
    const picture: Picture = { data: bytes(maxPixelBytes)(values[6]!), width, height };
    checkPicture(picture);
    options.set("rgb_format", "BGRX");
    return { args: [...head.slice(0, 5), "rgb32", "", sequence, width * 4, options], picture };
  }
  const stride = integer(0, 2 ** 31)(values[8]!);
  const format = options.get("rgb_format") as keyof typeof pixelBytes | undefined;
  const perPixel = format ? pixelBytes[format] : coding === "rgb32" ? 4 : 3;
  const rowBytes = width * perPixel;
  const lineBytes = stride === 0 ? rowBytes : stride;
  if (lineBytes < rowBytes) throw new Refusal("a picture's lines are too short");
  const needed = lineBytes * (height - 1) + rowBytes;
  const data = coding === "mmap" ? parts(options.get("chunks") ?? values[6]!) : bytes(maxPixelBytes)(values[6]!);
  if (coding !== "mmap") options.delete("chunks");
  if (Array.isArray(data) && data.some(([offset, bytes]) => offset + bytes > pixelsBytes)) {
    throw new Refusal("a picture lies outside of the pixels' file");
  }
  const byteCount = Array.isArray(data) ? data.reduce((sum, [, bytes]) => sum + bytes, 0) : data.length;
  if (byteCount < needed) throw new Refusal("a picture has too few bytes");
  return { args: [...head, data, sequence, stride, options] };
}

const cursorSide = integer(1, maxPointerSide);
const spot = integer(0, maxPointerSide - 1);
const cursorPlace = [coordinate, coordinate, cursorSide, cursorSide, spot, spot] as const;
const cursorPixels = bytes(maxPointerSide * maxPointerSide * 4);
const cursorName = word(/^[\w.-]{0,64}$/);
const cursorArgs = args([oneOf("raw", "default:raw", ""), ...cursorPlace, count, cursorPixels], [cursorName]);

/** The arguments for the pointer's picture; without any, for the usual one. */
export function cursor(values: readonly Value[]): Args {
  if (values.length <= 1) return [""];
  const [coding, x, y, width, height, spotX, spotY, serial, data, name = ""] = cursorArgs(values);
  const needed = width * height * 4;
  // xpra 6.5.5 leaves out pixels of fewer than 256 bytes: with such a small picture, apps hide the pointer.
  const isLeftOut = coding === "" && needed < 256;
  if (!isLeftOut && (coding === "" || data.length !== needed)) {
    throw new Refusal("a cursor's pixels do not match its size");
  }
  const [code, pixels] = isLeftOut ? ["raw", new Uint8Array(needed)] : [coding, data];
  return [code, x, y, width, height, spotX, spotY, serial, pixels, name];
}
