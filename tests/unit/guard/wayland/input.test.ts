// Keyboard, pointer and pen: who works in a window, and what an app may do with a button.

import { assert, assertEquals } from "@std/assert";
import { frame, ids, message, nothing, refused, use, withWindow } from "../../wayland_samples.ts";

Deno.test("the guard of Wayland passes on no keymap that is none, as of a virtual keyboard, and the app lives on", () => {
  const { connection, host } = withWindow();
  const keymap = (format: number, size: number): Uint8Array =>
    message(ids.keyboard, "wl_keyboard.keymap", format, size);
  const passed = (bytes: Uint8Array): Uint8Array =>
    new Uint8Array(connection.fromHost(bytes).flatMap((part) => [...part]));
  // As waypipe 0.9.2 sends them for wtype on sway 1.10: -2 is never opened.
  passed(frame(2, -1, 64));
  assertEquals(passed(frame(1, -2, -1)), frame(1, -1));
  const key = message(ids.keyboard, "wl_keyboard.key", 6, 0, 30, 1);
  assertEquals(host(keymap(0, 0), keymap(1, 64), key), new Uint8Array([...keymap(1, 64), ...key]));
  assertEquals(passed(frame(1, -3)), frame(0));
  assertEquals(host(keymap(0, 0)), nothing);
  for (const number of [-3, 4, 0]) refused(() => connection.fromHost(frame(1, number)), "unknown descriptor");
  // In the place of a pipe, there must be one.
  passed(frame(1, -4));
  const made = withWindow();
  made.app(message(ids.dataManager, "wl_data_device_manager.create_data_source", ids.next));
  made.connection.fromHost(frame(1, -1));
  refused(() => made.host(message(ids.next, "wl_data_source.send", "text/plain")), "wrong kind");
});

Deno.test("the guard of Wayland lets no app move the pointer", () => {
  const { app, host } = withWindow();
  const [constraints, lock] = [ids.next, ids.next + 1];
  host(message(ids.registry, "wl_registry.global", 95, "zwp_pointer_constraints_v1", 1));
  app(
    message(ids.registry, "wl_registry.bind", 95, "zwp_pointer_constraints_v1", 1, constraints),
    message(constraints, "zwp_pointer_constraints_v1.lock_pointer", lock, ids.surface, ids.pointer, 0, 1),
  );
  // Also within its window: a question may lie above it, to which the next click would say yes.
  for (const [x, y] of [[3_000, -900], [200, 150]] as const) {
    assertEquals(app(message(lock, "zwp_locked_pointer_v1.set_cursor_position_hint", x << 8, y << 8)), nothing);
  }
});

Deno.test("the guard of Wayland lets an app move its window only while a button is down, and once", () => {
  const made = withWindow();
  const { app, host, session } = made;
  const [touch, tool] = [ids.next, ids.next + 1];
  app(message(ids.seat, "wl_seat.get_touch", touch));
  const move = (): boolean => app(message(ids.toplevel, "xdg_toplevel.move", ids.seat, 6)).length > 0;
  const resize = (): boolean => app(message(ids.toplevel, "xdg_toplevel.resize", ids.seat, 6, 1)).length > 0;
  use(made);
  assertEquals([move(), resize()], [false, false]);
  const press = (isDown = true): void =>
    void host(message(ids.pointer, "wl_pointer.button", 6, 0, 272, isDown ? 1 : 0));
  const down = (finger: number): void =>
    void host(message(touch, "wl_touch.down", 7, 0, ids.surface, finger, 256, 256));
  press();
  assertEquals([move(), move()], [true, false], "the compositor has the button now");
  press();
  assertEquals([resize(), resize()], [true, false]);
  press();
  press(false);
  assertEquals(move(), false);
  press();
  host(message(ids.pointer, "wl_pointer.leave", 8, ids.surface));
  assertEquals(move(), false, "the pointer is elsewhere");
  down(1);
  down(2);
  host(message(touch, "wl_touch.up", 9, 0, 1));
  assertEquals(move(), true, "one finger is down");
  down(1);
  host(message(touch, "wl_touch.cancel"));
  assertEquals(move(), false, "cancelled");
  down(1);
  app(message(touch, "wl_touch.release"));
  assertEquals(move(), false, "nobody will hear of its end");
  press();
  app(message(ids.pointer, "wl_pointer.release"), message(ids.seat, "wl_seat.get_pointer", tool));
  made.wait(3_600_000);
  assertEquals(move(), false, "the object is gone");
  assert(session.attention.isUsed());
});

Deno.test("the guard of Wayland takes focus and buttons to end with the surface that has them", () => {
  const made = withWindow();
  const { app, host, session } = made;
  const [second, shell, window, menu] = [ids.next, ids.next + 1, ids.next + 2, ids.next + 3];
  app(
    message(ids.compositor, "wl_compositor.create_surface", second),
    message(ids.shell, "xdg_wm_base.get_xdg_surface", shell, second),
    message(shell, "xdg_surface.get_toplevel", window),
    message(ids.compositor, "wl_compositor.create_surface", menu),
  );
  const move = message(window, "xdg_toplevel.move", ids.seat, 8);
  const end = (surface: number): void => void app(message(surface, "wl_surface.destroy"));
  use(made);
  host(
    message(ids.pointer, "wl_pointer.enter", 7, ids.surface, 256, 256),
    message(ids.pointer, "wl_pointer.button", 8, 0, 272, 1),
  );
  // Of another surface, as of a tip that goes when a button is pressed.
  end(menu);
  assertEquals([session.attention.focused(), app(move)], [1, move]);
  host(message(ids.pointer, "wl_pointer.button", 9, 0, 272, 1));
  end(ids.surface);
  made.wait(5_000);
  assertEquals([session.attention.isPresent(), app(move)], [false, nothing]);
  // What the compositor has said before it knew.
  host(
    message(ids.keyboard, "wl_keyboard.enter", 10, ids.surface, nothing),
    message(ids.pointer, "wl_pointer.button", 11, 0, 272, 1),
  );
  made.wait(5_000);
  assertEquals([session.attention.isPresent(), app(move)], [false, nothing]);
  host(message(ids.keyboard, "wl_keyboard.enter", 12, second, nothing));
  assertEquals(session.attention.focused(), 1);
});

Deno.test("the guard of Wayland takes the button of a pen for one that the user has pressed", () => {
  const made = withWindow();
  const { app, host } = made;
  const [manager, seat, source, tool] = [ids.next, ids.next + 1, ids.next + 2, 0xff00_0001];
  host(message(ids.registry, "wl_registry.global", 97, "zwp_tablet_manager_v2", 1));
  app(
    message(ids.registry, "wl_registry.bind", 97, "zwp_tablet_manager_v2", 1, manager),
    message(manager, "zwp_tablet_manager_v2.get_tablet_seat", seat, ids.seat),
    message(ids.dataManager, "wl_data_device_manager.create_data_source", source),
  );
  host(message(seat, "zwp_tablet_seat_v2.tool_added", tool));
  const copies = (): boolean => app(message(ids.device, "wl_data_device.set_selection", source, 7)).length > 0;
  const moves = (): boolean => app(message(ids.toplevel, "xdg_toplevel.move", ids.seat, 7)).length > 0;
  const button = (isDown: boolean): void =>
    void host(message(tool, "zwp_tablet_tool_v2.button", 7, 331, isDown ? 1 : 0));
  assertEquals([copies(), moves()], [false, false]);
  button(true);
  assertEquals([copies(), moves()], [true, true]);
  button(true);
  button(false);
  assertEquals(moves(), false);
});
