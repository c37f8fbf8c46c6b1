// How much of a compositor an app in a container has.

import { assertEquals } from "@std/assert";
import { ids, message, nothing, refused, withGlobals, withWindow } from "../../wayland_samples.ts";

Deno.test("the guard of Wayland ends a connection that opens windows without end", () => {
  const { app } = withGlobals();
  refused(() => {
    for (let id = ids.next; id < 100_000; id++) app(message(ids.compositor, "wl_compositor.create_surface", id));
  }, "more than 4000 surfaces");
  const objects = withGlobals();
  refused(() => {
    for (let id = ids.next; id < 200_000; id += 1000) {
      const regions = Array.from({ length: 1000 }, (_, index) => id + index);
      objects.app(...regions.map((region) => message(ids.compositor, "wl_compositor.create_region", region)));
    }
  }, "more than 100000 objects");
  objects.connection.end();
  for (let count = 0; count < 100_000; count++) objects.session.add("object");
  const sources = withGlobals();
  const source = (id: number): Uint8Array =>
    sources.app(message(ids.dataManager, "wl_data_device_manager.create_data_source", id));
  for (let times = 0; times < 1_000; times++) {
    const id = ids.next + times % 100;
    const made = new DataView(source(id).buffer).getUint32(8, true);
    sources.app(message(id, "wl_data_source.destroy"));
    sources.host(message(1, "wl_display.delete_id", made));
  }
  refused(() => {
    for (let id = ids.next; id < 100_000; id++) source(id);
  }, "more than 256 sources");
  for (
    const [owner, name, ...rest] of [
      [ids.seat, "wl_seat.get_pointer"],
      [ids.dataManager, "wl_data_device_manager.get_data_device", ids.seat],
    ] as const
  ) {
    const devices = withGlobals();
    refused(() => {
      for (let id = ids.next; id < 100_000; id++) devices.app(message(owner, name, id, ...rest));
    }, "more than 2000 devices");
  }
});

Deno.test("an app on Wayland whose connection ends has nothing left of the session, whatever its last message made", () => {
  const made = withWindow();
  const { app, host, session, connection } = made;
  host(message(ids.registry, "wl_registry.global", 91, "wl_subcompositor", 1));
  app(
    message(ids.registry, "wl_registry.bind", 91, "wl_subcompositor", 1, ids.next),
    message(ids.compositor, "wl_compositor.create_surface", ids.next + 1),
  );
  host(message(ids.keyboard, "wl_keyboard.enter", 5, ids.surface, nothing));
  assertEquals(session.attention.focused(), 1);
  refused(
    () => app(message(ids.next, "wl_subcompositor.get_subsurface", ids.next + 2, ids.next + 1, 0)),
    "an argument is null",
  );
  connection.end();
  assertEquals(session.attention.focused(), 0);
  for (const [what, most] of [["surface", 4_000], ["subsurface", 2_000], ["device", 2_000]] as const) {
    for (let count = 0; count < most; count++) session.add(what);
    refused(() => session.add(what), `more than ${most}`);
  }
});
