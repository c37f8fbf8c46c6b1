/** Pictures of icons in the host's tray: those of the app, in a frame of its container's colour. */

/** An app's picture: rows of pixels, of one byte each for alpha, red, green and blue. */
export interface Pixels {
  width: number;
  height: number;
  argb: Uint8Array;
}

/** The picture of an icon whose app has not sent one yet. */
const nothing: Pixels = { width: 38, height: 38, argb: new Uint8Array(38 * 38 * 4) };

/**
 * The picture for a panel: a square, as {@linkcode Pixels.argb}. The panel scales it to a third or half of its size: so
 * the frame is an eighth of what it surrounds.
 *
 * @param colour the frame's, as `#rrggbb`
 */
export function framed({ width, height, argb }: Pixels = nothing, colour: string): Uint8Array {
  const inside = Math.max(width, height);
  const frame = Math.ceil(inside / 8);
  const side = inside + 2 * frame;
  const picture = new Uint8Array(side * side * 4);
  const edge = [255, ...Uint8Array.fromHex(colour.slice(1))];
  const isEdge = (at: number): boolean => at < frame || at >= side - frame;
  for (let at = 0; at < side * side; at++) {
    if (isEdge(at % side) || isEdge(Math.floor(at / side))) picture.set(edge, at * 4);
  }
  const [left, top] = [width, height].map((size) => Math.floor((side - size) / 2)) as [number, number];
  for (let y = 0; y < height; y++) {
    picture.set(argb.subarray(y * width * 4, (y + 1) * width * 4), ((top + y) * side + left) * 4);
  }
  return picture;
}
