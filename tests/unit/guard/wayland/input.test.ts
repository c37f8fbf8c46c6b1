// Keyboard and pointer: who works in a window, and what an app hears and moves.

import { assertEquals } from "@std/assert";
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

Deno.test("the user works in a window on Wayland once they press a key there, not by one that they let go of", () => {
  const { host, session } = withWindow();
  const key = (state: number): Uint8Array => message(ids.keyboard, "wl_keyboard.key", 6, 0, 30, state);
  host(message(ids.keyboard, "wl_keyboard.enter", 5, ids.surface, nothing), key(0));
  assertEquals(session.attention.isUsed(), false);
  host(key(1));
  assertEquals(session.attention.isUsed(), true);
});
