// What an app reads of what is dragged over its windows.

import { assert, assertEquals } from "@std/assert";
import { device, mark, offer, read } from "../../wayland_clipboard.ts";
import { ids, message, type Trial, use, withWindow } from "../../wayland_samples.ts";

Deno.test("an app on Wayland reads what is dragged over its window once it is dropped there", () => {
  /** The host drags something of these types into the window. */
  const dragging = (types: readonly string[]): Trial => {
    const made = withWindow();
    use(made);
    made.host(
      message(device, "wl_data_device.data_offer", offer),
      ...types.map((type) => message(offer, "wl_data_offer.offer", type)),
    );
    const isOwn = types.includes(mark);
    assertEquals(read(made, "text/plain", { pipe: 8 }).isRead, isOwn);
    made.host(message(device, "wl_data_device.enter", 9, ids.surface, 256, 256, offer));
    return made;
  };
  const made = dragging(["text/plain"]);
  assertEquals(read(made, "text/plain", { pipe: 2 }).isRead, false);
  made.host(message(device, "wl_data_device.drop"));
  assert(read(made, "text/plain", { pipe: 3 }).isRead);
  const left = dragging(["text/plain"]);
  left.host(message(device, "wl_data_device.leave"), message(device, "wl_data_device.drop"));
  assertEquals(read(left, "text/plain", { pipe: 2 }).isRead, false);
  assert(read(dragging(["text/plain", mark]), "text/plain", { pipe: 2 }).isRead, "it comes from the same container");
});
