// What an app reads of what it is offered.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Violation } from "../../../../lib/guard/faults.ts";
import { announce, offer, read } from "../../wayland_clipboard.ts";
import { frame, message, nothing, use, withWindow } from "../../wayland_samples.ts";

Deno.test("an app on Wayland hears nothing of the clipboard while that is closed to it", () => {
  for (const isOpen of [true, false]) {
    const made = withWindow({ in: isOpen, out: true });
    use(made);
    const passed = announce(made, ["text/plain"]);
    assertEquals(passed, isOpen ? message(offer, "wl_data_offer.offer", "text/plain") : nothing);
    if (isOpen) assert(read(made, "text/plain").isRead);
    else assertThrows(() => read(made, "text/plain"), Violation, "not offered");
  }
});

Deno.test("no more than 64 MiB pass into one pipe on Wayland, and the app lives on", () => {
  const made = withWindow();
  use(made);
  announce(made, ["text/plain"]);
  assert(read(made, "text/plain").isRead);
  const piece = frame(10, 2, new Uint8Array(2 ** 20 - 64));
  let passed = 0;
  for (let sent = 0; sent < 100; sent++) {
    passed += made.connection.fromHost(piece).reduce((sum, { length }) => sum + length, 0) === piece.length ? 1 : 0;
  }
  assertEquals(passed, 64);
});
