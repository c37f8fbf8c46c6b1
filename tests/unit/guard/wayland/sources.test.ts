// The types that an app offers, and what the host's programs hear of them.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  announce,
  copy,
  device,
  makeSource,
  mark,
  offer,
  offerType,
  read,
  source,
  text,
} from "../../wayland_clipboard.ts";
import { dataPasses, frame, ids, message, nothing, use, withWindow } from "../../wayland_samples.ts";

Deno.test("what a manager of passwords says of one that is copied reaches the host's managers of the clipboard", () => {
  const hint = "x-kde-passwordManagerHint";
  for (const out of [true, false]) {
    const made = withWindow({ in: true, out });
    makeSource(made);
    const passed = text(offerType(made, hint));
    assertEquals(passed.includes(mark), !out);
    if (!out) continue;
    made.connection.fromHost(frame(7, -1));
    made.connection.fromHost(frame(1, -1));
    assertStringIncludes(text(made.host(message(source, "wl_data_source.send", hint))), hint);
    assert(dataPasses(made.connection.fromContainer, -1));
  }
});

Deno.test("the user is told once that files which an app copies or drags out stay in the container", () => {
  for (
    const [isDragged, types, isTold] of [
      [false, ["text/uri-list", "text/plain"], true],
      [true, ["text/uri-list", "text/plain"], true],
      [false, ["text/uri-list", "text/html"], false],
      [false, ["text/uri-list", "text/x-moz-url"], false],
      [false, ["text/plain"], false],
    ] as const
  ) {
    const made = withWindow();
    const { app, host, told } = made;
    makeSource(made);
    for (const type of types) offerType(made, type);
    use(made);
    if (isDragged) {
      host(message(ids.pointer, "wl_pointer.button", 6, 0, 272, 1));
      app(message(device, "wl_data_device.start_drag", source, ids.surface, 0, 6));
      assertEquals(told, [], "it may be dropped on a window of the container's");
      for (let times = 0; times < 2; times++) host(message(source, "wl_data_source.cancelled"));
    } else for (let times = 0; times < 2; times++) copy(made, 6);
    assertEquals(told.map((line) => /stay in its container/.test(line)), isTold ? [true] : []);
  }
});

Deno.test("a container on Wayland has no more types of its own than a few, which an X server of the host's would keep", () => {
  const made = withWindow();
  let passed = 0;
  for (let round = 0; round < 20; round++) {
    made.app(message(ids.dataManager, "wl_data_device_manager.create_data_source", source + round));
    for (let type = 0; type < 100; type++) {
      passed += made.app(message(source + round, "wl_data_source.offer", `x/${round}-${type}`)).length > 0 ? 1 : 0;
    }
  }
  assertEquals(passed, 256);
  const fresh = withWindow();
  makeSource(fresh);
  for (const type of ["", " x", "x\n", "x".repeat(257)]) assertEquals(offerType(fresh, type), nothing);
  assert(offerType(fresh, "x".repeat(256)).length > 256);
  // Another session of the container's has types of its own, of which the app may still get what it is offered.
  use(made);
  announce(made, [`${mark};x/other`, mark]);
  const asked = text(message(offer, "wl_data_offer.receive", `${mark};x/other`));
  assertEquals(text(read(made, "x/other").asked), asked);
  const accepted = message(offer, "wl_data_offer.accept", 6, `${mark};x/other`);
  assertEquals(made.app(message(offer, "wl_data_offer.accept", 6, "x/other")), accepted);
});

Deno.test("the text of a drag that may carry a window never reaches the host, where it may be dropped unawares", () => {
  for (const carries of [true, false]) {
    const made = withWindow();
    const { app, host, connection } = made;
    makeSource(made);
    offerType(made, "text/plain");
    host(message(ids.registry, "wl_registry.global", 93, "xdg_toplevel_drag_manager_v1", 1));
    const [manager, drag] = [ids.next + 1, ids.next + 2];
    app(message(ids.registry, "wl_registry.bind", 93, "xdg_toplevel_drag_manager_v1", 1, manager));
    const get = message(manager, "xdg_toplevel_drag_manager_v1.get_xdg_toplevel_drag", drag, source);
    if (carries) assertEquals(app(get), get);
    connection.fromHost(frame(7, -1));
    connection.fromHost(frame(1, -1));
    host(message(source, "wl_data_source.send", "text/plain"));
    assertEquals(dataPasses(connection.fromContainer, -1), !carries);
  }
});
