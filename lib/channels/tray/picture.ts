/** The picture of an icon in the host's tray: what the app sends, in a frame of its container's colour. */

/** The side of the picture for the host's panel, in pixels. */
export const iconSide = 48;

/** A panel shows this at a third or half of its size. */
const frame = 5;
const inside = iconSide - 2 * frame;

/** What an app sends: ARGB of one byte each, in rows. */
export interface Pixels {
  width: number;
  height: number;
  argb: Uint8Array;
}

/**
 * The picture that a panel gets, `iconSide` pixels wide and high, as {@linkcode Pixels.argb}.
 *
 * @param pixels none: the frame is empty
 * @param colour of the frame, as `#rrggbb`
 */
export function framed(pixels: Pixels | undefined, colour: string): Uint8Array {
  const picture = new Uint8Array(iconSide * iconSide * 4);
  const edge = [255, ...Uint8Array.fromHex(colour.slice(1))];
  const isEdge = (at: number): boolean => at < frame || at >= iconSide - frame;
  for (let y = 0; y < iconSide; y++) {
    for (let x = 0; x < iconSide; x++) {
      const at = (y * iconSide + x) * 4;
      if (isEdge(x) || isEdge(y)) picture.set(edge, at);
      else if (pixels) picture.set(sample(pixels, x - frame, y - frame), at);
    }
  }
  return picture;
}

/** The pixel at a place inside the frame: the mean of the four nearest ones, weighted by distance and opacity. */
function sample({ width, height, argb }: Pixels, x: number, y: number): number[] {
  const scale = Math.max(width, height) / inside;
  const left = (x + 0.5) * scale - 0.5 - (scale * inside - width) / 2;
  const top = (y + 0.5) * scale - 0.5 - (scale * inside - height) / 2;
  const sums = [0, 0, 0, 0];
  for (const row of [Math.floor(top), Math.floor(top) + 1]) {
    for (const column of [Math.floor(left), Math.floor(left) + 1]) {
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      const at = (row * width + column) * 4;
      const weight = argb[at]! * (1 - Math.abs(top - row)) * (1 - Math.abs(left - column));
      sums[0]! += weight;
      for (const channel of [1, 2, 3]) sums[channel]! += weight * argb[at + channel]!;
    }
  }
  const [alpha, ...colours] = sums as [number, ...number[]];
  return [Math.round(alpha), ...colours.map((sum) => alpha && Math.round(sum / alpha))];
}
