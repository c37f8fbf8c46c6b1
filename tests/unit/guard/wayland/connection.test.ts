// Whose the ids of objects are on a connection of Wayland, and when they are free again.

import { assertEquals } from "@std/assert";
import { frame, ids, message, nothing, refused, withGlobals, withWindow } from "../../wayland_samples.ts";

const freed = (id: number): Uint8Array => message(1, "wl_display.delete_id", id);

Deno.test("an app on Wayland hears that an id is free only of objects that it has made, and gets no id of the compositor's", () => {
  const { app, host } = withWindow();
  const offer = 0xff00_0000;
  host(message(ids.device, "wl_data_device.data_offer", offer));
  for (const [id, what] of [[9_999, "none has it"], [1, "the display"], [offer, "the compositor's"]] as const) {
    assertEquals(host(freed(id)), nothing, what);
  }
  const made = message(ids.compositor, "wl_compositor.create_region", ids.next);
  assertEquals(app(made), made);
  assertEquals(host(freed(ids.next)), freed(ids.next));
});

Deno.test("an app on Wayland has no more objects by destroying others, and no fewer by what the compositor ends", () => {
  // A callback ends by its last event, without the app.
  for (const isDestroyed of [true, false]) {
    const { app, host } = withGlobals();
    /** Makes a source. Returns the compositor's id for it. */
    const make = (id: number): number => {
      const passed = app(message(ids.dataManager, "wl_data_device_manager.create_data_source", id));
      return new DataView(passed.buffer).getUint32(8, true);
    };
    for (let times = 0; times < 300; times++) {
      const made = make(ids.next);
      if (isDestroyed) app(message(ids.next, "wl_data_source.destroy"));
      assertEquals(host(freed(made)), freed(ids.next));
    }
    for (let count = 0; count < 256; count++) make(ids.next + count);
    refused(() => make(ids.next + 256), "more than 256 sources");
  }
});

Deno.test("the guard of Wayland ends a connection whose message ends before it has said how long it is", () => {
  const whole = message(ids.surface, "wl_surface.commit");
  for (const length of [4, whole.length + 4]) {
    const { connection } = withWindow();
    const sent = frame(0, new Uint8Array([...whole, ...whole]).subarray(0, length));
    refused(() => connection.fromContainer(sent), "a message has no end");
  }
});
