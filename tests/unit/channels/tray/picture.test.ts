// The picture of an icon, whatever the app sends.

import { assertEquals } from "@std/assert";
import { framed, type Pixels } from "../../../../lib/channels/tray/picture.ts";

/** The frame of a picture, in pixels: of all that is a panel's, an eighth of what is inside. */
function frameOf(pixels: Pixels | undefined): { side: number; frame: number; at(x: number, y: number): number[] } {
  const picture = framed(pixels, "#e60000");
  const side = Math.sqrt(picture.length / 4);
  const inside = Math.max(pixels?.width ?? 38, pixels?.height ?? 38);
  const at = (x: number, y: number): number[] => [...picture.slice((y * side + x) * 4, (y * side + x) * 4 + 4)];
  return { side, frame: (side - inside) / 2, at };
}

Deno.test("an icon that imitates one of the host's has a frame of the container's colour", () => {
  const white = (width: number, height: number): Pixels => ({
    width,
    height,
    argb: new Uint8Array(width * height * 4).fill(255),
  });
  for (const pixels of [undefined, white(48, 48), white(22, 22), white(1, 48), white(48, 1), white(1, 1)]) {
    const { side, frame, at } = frameOf(pixels);
    assertEquals(frame >= (side - 2 * frame) / 8, true);
    for (let place = 0; place < side; place++) {
      for (const edge of [0, frame - 1, side - frame, side - 1]) {
        for (const [x, y] of [[place, edge], [edge, place]]) assertEquals(at(x!, y!), [255, 0xe6, 0, 0]);
      }
    }
    const middle = Math.floor(side / 2) - (side % 2 === 0 ? 1 : 0);
    assertEquals(at(middle, middle), pixels ? [255, 255, 255, 255] : [0, 0, 0, 0]);
    assertEquals(at(frame, middle), pixels && pixels.width >= pixels.height ? [255, 255, 255, 255] : [0, 0, 0, 0]);
  }
});
