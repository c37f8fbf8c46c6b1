// What points at a border: the app does not hear of it.

import { assert, assertEquals } from "@std/assert";
import { ids, message, nothing, text, withBorder } from "../../wayland_samples.ts";

Deno.test("the guard of Wayland lets no app hear of what points at a border, nor be used by it", () => {
  const { made: { app, host, session } } = withBorder();
  const [region, strip, touch] = [23, 24, ids.next];
  assertEquals(app(message(ids.seat, "wl_seat.get_touch", touch)), message(ids.seat, "wl_seat.get_touch", 39));
  const at = (name: string, surface: number): Uint8Array =>
    message(ids.pointer, `wl_pointer.${name}`, 5, surface, ...name === "enter" ? [0, 0] : []);
  const [frame, fingers] = [message(ids.pointer, "wl_pointer.frame"), message(39, "wl_touch.frame")];
  const press = message(ids.pointer, "wl_pointer.button", 6, 0, 272, 1);
  const used = [
    message(ids.pointer, "wl_pointer.motion", 0, 1, 1),
    press,
    message(ids.pointer, "wl_pointer.axis", 0, 0, 9),
  ];
  assertEquals(host(at("enter", strip), frame, ...used, frame, at("leave", strip), frame), nothing);
  assertEquals(session.attention.isUsed(), false);
  const entered = [at("enter", ids.surface), frame];
  assertEquals(host(...entered, frame), new Uint8Array(entered.flatMap((bytes) => [...bytes])));
  const left = [at("leave", ids.surface), frame];
  assertEquals(
    host(left[0]!, at("enter", strip), frame, ...used, frame),
    new Uint8Array(left.flatMap((bytes) => [...bytes])),
  );
  // One finger is on the border, and another one in the window.
  const down = (id: number, surface: number): Uint8Array => message(39, "wl_touch.down", 7, 0, surface, id, 0, 0);
  assertEquals(host(down(0, strip), fingers, message(39, "wl_touch.motion", 0, 0, 1, 1), fingers), nothing);
  assertEquals(session.attention.isUsed(), false);
  assertEquals(
    text(host(down(1, ids.surface), fingers)),
    text(message(touch, "wl_touch.down", 7, 0, ids.surface, 1, 0, 0)) + text(message(touch, "wl_touch.frame")),
  );
  assertEquals(host(message(39, "wl_touch.up", 8, 0, 0), fingers), nothing);
  assertEquals(host(message(39, "wl_touch.up", 9, 0, 1)), message(touch, "wl_touch.up", 9, 0, 1));
  // Something is dragged over it.
  const offer = message(ids.device, "wl_data_device.data_offer", 0xff00_0000);
  assertEquals(host(offer), offer);
  const over = (name: string, ...values: number[]): Uint8Array =>
    message(ids.device, `wl_data_device.${name}`, ...values);
  assertEquals(
    host(over("enter", 5, strip, 0, 0, 0xff00_0000), over("motion", 0, 1, 1), over("drop"), over("leave")),
    nothing,
  );
  // Its window has the keyboard.
  const keyboard = (surface: number): Uint8Array => message(ids.keyboard, "wl_keyboard.enter", 5, surface, nothing);
  assertEquals(host(keyboard(strip)), keyboard(ids.surface));
  assertEquals(session.attention.focused(), 1);
  // By a shadow, a window is resized.
  app(message(ids.xdgSurface, "xdg_surface.set_window_geometry", 20, 20, 360, 260));
  const shadowed = text(app(message(ids.surface, "wl_surface.commit")));
  assert(shadowed.includes(text(message(strip, "wl_surface.set_input_region", region))));
});
