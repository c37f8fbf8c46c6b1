// Buttons, fingers and pens that are down: what an app may do with one.

import { assert, assertEquals } from "@std/assert";
import { ids, message, use, withWindow } from "../../wayland_samples.ts";

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
