// What an app copies, and when that becomes the host's.

import { assert, assertEquals } from "@std/assert";
import { copy, device, makeSource, primaryDevice, source } from "../../wayland_clipboard.ts";
import { ids, message, nothing, type Trial, use, withWindow } from "../../wayland_samples.ts";

Deno.test("what an app copies on Wayland is the host's only for an event of then, and the user hears of what is not", () => {
  const made = withWindow();
  makeSource(made);
  assertEquals(copy(made, 5), nothing);
  assertEquals(made.told, ["Ignored: an app set the clipboard while you were not using its windows"]);
  use(made);
  assertEquals(copy(made, 7), nothing, "an event that never was");
  assert(copy(made, 6).length > 0);
});

Deno.test("GTK 3 on Wayland copies with the serial of what it has heard last, as that the pointer or the keyboard left", () => {
  const made = withWindow();
  const { app, host } = made;
  use(made);
  makeSource(made);
  host(message(ids.registry, "wl_registry.global", 93, "zwp_tablet_manager_v2", 1));
  const [manager, seat, tool] = [ids.next + 1, ids.next + 2, 0xff00_0001];
  app(
    message(ids.registry, "wl_registry.bind", 93, "zwp_tablet_manager_v2", 1, manager),
    message(manager, "zwp_tablet_manager_v2.get_tablet_seat", seat, ids.seat),
  );
  host(
    message(seat, "zwp_tablet_seat_v2.tablet_added", 0xff00_0000),
    message(seat, "zwp_tablet_seat_v2.tool_added", tool),
  );
  const heard = [
    message(ids.pointer, "wl_pointer.leave", 11, ids.surface),
    message(tool, "zwp_tablet_tool_v2.proximity_in", 12, 0xff00_0000, ids.surface),
    message(device, "wl_data_device.enter", 13, ids.surface, 0, 0, 0),
    message(ids.keyboard, "wl_keyboard.leave", 14, ids.surface),
  ];
  for (const [index, event] of heard.entries()) {
    assertEquals(copy(made, 11 + index), nothing);
    host(event);
    assert(copy(made, 11 + index).length > 0, `${index}`);
  }
});

Deno.test("an app on Wayland takes nothing off the host's clipboard but what it has put there itself", () => {
  const clear = ({ app }: Trial): boolean => app(message(device, "wl_data_device.set_selection", 0, 6)).length > 0;
  for (const clipboard of [{ in: false, out: false }, { in: true, out: true }]) {
    const made = withWindow(clipboard);
    use(made);
    assertEquals(clear(made), false);
    const primary = message(primaryDevice, "zwp_primary_selection_device_v1.set_selection", 0, 6);
    assertEquals(made.app(primary), nothing);
  }
  const made = withWindow();
  makeSource(made);
  use(made);
  copy(made, 6);
  assert(clear(made));
  assertEquals(clear(made), false, "once");
  copy(made, 6);
  made.host(message(source, "wl_data_source.cancelled"));
  assertEquals(clear(made), false, "the user has copied something else");
});
