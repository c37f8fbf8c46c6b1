// The host's screens, as an app sees them.

import { assertEquals } from "@std/assert";
import { bindScreen, ids, message, refused, withGlobals, withWindow } from "../../wayland_samples.ts";

Deno.test("the guard of Wayland lets monitors come and go for as long as an app runs", () => {
  const { app, host } = withGlobals();
  const come = (id: number): void => void host(message(ids.registry, "wl_registry.global", id, "wl_output", 4));
  const bind = (id: number, made: number): void =>
    void app(message(ids.registry, "wl_registry.bind", id, "wl_output", 4, made));
  const go = (id: number): void => {
    const remove = message(ids.registry, "wl_registry.global_remove", id);
    assertEquals(host(remove), remove);
  };
  for (let id = 100; id < 2_100; id++) {
    come(id);
    go(id);
    // The first one is there again.
    if (id === 101) come(100);
  }
  // The app has not heard yet that it is gone.
  bind(2_099, ids.next);
  bind(100, ids.next + 1);
  refused(() => bind(101, ids.next + 2), "not offered");
  refused(() => {
    for (let id = 3_000; id < 4_000; id++) come(id);
  }, "too many globals");
});

Deno.test("the guard of Wayland lets apps fill screens of a scale that they draw larger, and keep what was drawn for one that is gone", () => {
  const made = withWindow();
  const { app, host } = made;
  const [screen, manager, xdg, first] = [ids.next, ids.next + 1, ids.next + 2, ids.next + 3];
  bindScreen(made, { number: 80, id: screen });
  host(
    message(screen, "wl_output.mode", 1, 1440, 900, 60_000),
    message(screen, "wl_output.scale", 2),
    message(ids.registry, "wl_registry.global", 81, "zxdg_output_manager_v1", 3),
  );
  app(
    message(ids.registry, "wl_registry.bind", 81, "zxdg_output_manager_v1", 3, manager),
    message(manager, "zxdg_output_manager_v1.get_xdg_output", xdg, screen),
  );
  // At 1.5, the desktop has less, and an app of whole scales draws more than the screen has.
  host(message(xdg, "zxdg_output_v1.logical_size", 960, 600));
  const add = (from: number, count: number): void => {
    for (let id = from; id < from + count; id++) {
      app(
        message(ids.compositor, "wl_compositor.create_surface", id),
        message(id, "wl_surface.attach", ids.buffer, 0, 0),
        message(id, "wl_surface.commit"),
      );
    }
  };
  const most = Math.floor(2 * 32 * 1920 * 1200 / (400 * 300)) - 1;
  add(first, most - 1);
  host(message(ids.registry, "wl_registry.global_remove", 80));
  add(first + most - 1, 1);
  refused(() => add(first + most, 1), "fill too many screens");
});

Deno.test("the guard of Wayland tells no app which screens, tablets and seats the host has", () => {
  const made = withWindow();
  const { app, host } = made;
  const [first, second, manager, xdg] = [ids.next, ids.next + 1, ids.next + 2, ids.next + 3];
  bindScreen(made, { number: 80, id: first });
  bindScreen(made, { number: 83, id: second });
  host(message(ids.registry, "wl_registry.global", 81, "zxdg_output_manager_v1", 3));
  app(
    message(ids.registry, "wl_registry.bind", 81, "zxdg_output_manager_v1", 3, manager),
    message(manager, "zxdg_output_manager_v1.get_xdg_output", xdg, second),
  );
  const dell = "Dell Inc. DELL U2720Q SERIAL-9X8Y7 (DP-1)";
  for (
    const [sent, passing] of [
      [
        message(first, "wl_output.geometry", 5, 6, 600, 340, 0, "Dell Inc.", "DELL U2720Q", 0),
        message(first, "wl_output.geometry", 5, 6, 600, 340, 0, "", "", 0),
      ],
      [message(first, "wl_output.name", "DP-1"), message(first, "wl_output.name", "screen-1")],
      [message(first, "wl_output.description", dell), message(first, "wl_output.description", "screen-1")],
      [message(second, "wl_output.name", "DP-2"), message(second, "wl_output.name", "screen-2")],
      [message(xdg, "zxdg_output_v1.name", "DP-2"), message(xdg, "zxdg_output_v1.name", "screen-2")],
      [message(xdg, "zxdg_output_v1.description", dell), message(xdg, "zxdg_output_v1.description", "screen-2")],
      [message(ids.seat, "wl_seat.name", "seat-of-jo"), message(ids.seat, "wl_seat.name", "seat")],
    ] as const
  ) assertEquals(host(sent), passing);
});
