// The picture of an icon, whatever the app sends.

import { assertEquals } from "@std/assert";
import { framed, iconSide } from "../../../../lib/channels/tray/picture.ts";

Deno.test("an icon that imitates one of the host's has a frame of the container's colour", () => {
  const argb = new Uint8Array(48 * 48 * 4).fill(255);
  for (
    const pixels of [undefined, { width: 48, height: 48, argb }, { width: 1, height: 48, argb: argb.slice(0, 192) }]
  ) {
    const picture = framed(pixels, "#e60000");
    const at = (
      x: number,
      y: number,
    ): number[] => [...picture.slice((y * iconSide + x) * 4, (y * iconSide + x) * 4 + 4)];
    for (let place = 0; place < iconSide; place++) {
      for (
        const [x, y] of [[place, 0], [place, iconSide - 1], [0, place], [iconSide - 1, place], [4, place], [place, 4]]
      ) {
        assertEquals(at(x!, y!), [255, 0xe6, 0, 0]);
      }
    }
    assertEquals(at(24, 24), pixels?.width === 48 ? [255, 255, 255, 255] : at(24, 24));
    assertEquals(at(6, 24), pixels?.width === 48 ? [255, 255, 255, 255] : [0, 0, 0, 0]);
  }
});
