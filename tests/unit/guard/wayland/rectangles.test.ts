// Rectangles without end.

import { assertEquals } from "@std/assert";
import { ids, message, messages, refused, withWindow } from "../../wayland_samples.ts";

Deno.test("the guard of Wayland lets no app keep the compositor busy with rectangles", () => {
  const { app, connection } = withWindow();
  const changed = (x: number, y: number): Uint8Array => message(ids.surface, "wl_surface.damage_buffer", x, y, 1, 1);
  const all = message(ids.surface, "wl_surface.damage_buffer", 0, 0, 2 ** 31 - 1, 2 ** 31 - 1);
  const many = Array.from({ length: 4_001 }, (_, at) => changed(2 * at, 0));
  // The last one holds all others, and those that come then.
  const [passed] = connection.fromContainer(messages(...many));
  assertEquals(passed, messages(...many.with(-1, all)));
  assertEquals([app(changed(1, 1)), app(changed(1, -1))], [changed(1, 1), all]);
  /** Makes a region of so many rectangles. How many of them pass. */
  const region = (id: number, count: number): number => {
    app(message(ids.compositor, "wl_compositor.create_region", id));
    const added = (at: number): boolean => app(message(id, "wl_region.add", 2 * at, 0, 1, 1)).length > 0;
    return Array.from({ length: count }, (_, at) => added(at)).filter(Boolean).length;
  };
  for (let times = 0; times < 3; times++) {
    assertEquals(region(ids.next + times, 1_500), 1_500);
    app(message(ids.next + times, "wl_region.destroy"));
  }
  assertEquals([region(ids.next + 3, 1_000), region(ids.next + 4, 1_500)], [1_000, 1_000]);
  // Without this one, the region would be larger.
  refused(() => app(message(ids.next + 3, "wl_region.subtract", 0, 0, 1, 1)), "more than 2000 rectangles");
  app(message(ids.next + 4, "wl_region.destroy"));
  assertEquals(region(ids.next + 5, 1_500), 1_000);
});
