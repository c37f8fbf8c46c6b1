// When an app hears of what is copied or selected on the host.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Violation } from "../../../../lib/guard/faults.ts";
import { device, offer, primaryDevice, read } from "../../wayland_clipboard.ts";
import { ids, message, nothing, readData, withWindow } from "../../wayland_samples.ts";

Deno.test("an app on Wayland hears of what is selected on the host when the user works in its windows", () => {
  const made = withWindow();
  const { host } = made;
  host(message(ids.keyboard, "wl_keyboard.enter", 5, ids.surface, nothing));
  const mime = message(offer, "zwp_primary_selection_offer_v1.offer", "text/plain");
  const selection = message(primaryDevice, "zwp_primary_selection_device_v1.selection", offer);
  host(message(primaryDevice, "zwp_primary_selection_device_v1.data_offer", offer));
  assertEquals(host(mime, selection), nothing);
  const key = message(ids.keyboard, "wl_keyboard.key", 6, 0, 30, 1);
  assertEquals(host(key), new Uint8Array([...mime, ...selection, ...key]));
  const receive = message(offer, "zwp_primary_selection_offer_v1.receive", "text/plain");
  assert(readData(made, { pipe: 2, receive }).isRead);
  host(message(ids.keyboard, "wl_keyboard.leave", 8, ids.surface));
  made.wait(1_100);
  assertEquals(readData(made, { pipe: 3, receive }).isRead, false, "the user has left");

  const early = withWindow();
  early.host(message(primaryDevice, "zwp_primary_selection_device_v1.data_offer", offer));
  early.host(mime, selection);
  assertThrows(() => readData(early, { pipe: 2, receive }), Violation, "not offered");
});

Deno.test("an app on Wayland hears of what is copied with the first key, since Qt keeps what it reads at the focus", () => {
  const made = withWindow();
  const { host } = made;
  const selection = message(device, "wl_data_device.selection", offer);
  host(message(device, "wl_data_device.data_offer", offer), message(offer, "wl_data_offer.offer", "text/plain"));
  assertEquals(host(selection), nothing);
  host(message(ids.keyboard, "wl_keyboard.enter", 5, ids.surface, nothing));
  const key = message(ids.keyboard, "wl_keyboard.key", 6, 0, 30, 1);
  assertEquals(host(key), new Uint8Array([...selection, ...key]));
  assert(read(made, "text/plain").isRead);
  // While it is used, it hears at once; of what is over by the first key, it does not hear.
  assertEquals(host(selection), selection);
  host(message(ids.keyboard, "wl_keyboard.leave", 7, ids.surface));
  made.wait(1_500);
  host(selection);
  made.app(message(offer, "wl_data_offer.destroy"));
  host(message(ids.keyboard, "wl_keyboard.enter", 8, ids.surface, nothing));
  assertEquals(host(key), key);
});
