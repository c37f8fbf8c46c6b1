// What the guard of Wayland lets through of the clipboard and of what is selected, in both directions.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Violation } from "../../../../lib/guard/faults.ts";
import { createCrossings, type Crossing } from "../../../../lib/guard/crossings.ts";
import {
  announce,
  copy,
  device,
  makeSource,
  mark,
  offer,
  offerType,
  primaryDevice,
  read,
  source,
  text,
} from "../../wayland_clipboard.ts";
import {
  dataPasses,
  frame,
  ids,
  message,
  nothing,
  showWindow,
  trial,
  use,
  withGlobals,
  withWindow,
} from "../../wayland_samples.ts";

const fileLists = [
  "text/uri-list",
  "x-special/gnome-copied-files",
  "x-special/mate-copied-files",
  "application/x-kde-cutselection",
  "application/x-kde4-urilist",
  "text/x-moz-url",
  "application/x-moz-file",
  "application/vnd.portal.filetransfer",
];

Deno.test("apps of a container copy to each other while its clipboard is closed, and the host reads nothing of it", async () => {
  const made = withWindow({ in: false, out: false });
  const { app, host, connection } = made;
  use(made);
  makeSource(made);
  offerType(made, "text/plain");
  const passed = copy(made, 6);
  assertEquals(passed.length, 60, "the mark, and that it is copied");
  assertEquals(announce(made, [`${mark};text/plain`, "text/plain", mark]).length, 24, "one type");
  const sends = async (type: string, pipe: number): Promise<boolean> => {
    connection.fromHost(frame(7, pipe));
    connection.fromHost(frame(1, pipe));
    host(message(source, "wl_data_source.send", type));
    return await Promise.resolve(dataPasses(connection.fromContainer, pipe));
  };
  assert(await sends(`${mark};text/plain`, -1));
  assertEquals(await sends("text/plain", -2), false);
  assert(read(made, "text/plain").isRead);
  // A drag within the app has its source, too.
  host(message(ids.pointer, "wl_pointer.button", 6, 0, 272, 1));
  const drag = message(device, "wl_data_device.start_drag", source, ids.surface, 0, 6);
  assertEquals(app(drag), drag);
});

Deno.test("no list of files passes on Wayland, neither to the host nor from it, copied, selected or dragged", () => {
  for (const type of fileLists) {
    const made = withWindow();
    const { app, host, connection } = made;
    makeSource(made);
    const own = message(source, "wl_data_source.offer", `${mark};${type}`);
    assertEquals(offerType(made, type), own, "a name that no program of the host's asks for");
    assertEquals(
      app(message(ids.primaryManager, "zwp_primary_selection_device_manager_v1.create_source", source + 1)).length,
      12,
    );
    assertEquals(
      app(message(source + 1, "zwp_primary_selection_source_v1.offer", type)),
      message(source + 1, "zwp_primary_selection_source_v1.offer", `${mark};${type}`),
    );
    // A program of the host's that asks for it nevertheless gets nothing.
    connection.fromHost(frame(7, -1));
    connection.fromHost(frame(1, -1));
    host(message(source, "wl_data_source.send", type));
    assertEquals(dataPasses(connection.fromContainer, -1), false);
    for (const unknown of [mark, "x/y"]) {
      connection.fromHost(frame(7, -2));
      connection.fromHost(frame(1, -2));
      const asked = text(host(message(source, "wl_data_source.send", unknown)));
      assertEquals(asked, text(message(source, "wl_data_source.send", "application/x-gui-container")));
      connection.fromHost(frame(11, -2));
      connection.fromContainer(frame(12, -2));
    }
    use(made);
    assertEquals(announce(made, [type]), nothing);
    assertThrows(() => read(made, type), Violation, "was not offered");
    const selected = withWindow();
    use(selected);
    const primary = offer + 1;
    selected.host(message(primaryDevice, "zwp_primary_selection_device_v1.data_offer", primary));
    assertEquals(selected.host(message(primary, "zwp_primary_selection_offer_v1.offer", type)), nothing);
  }
});

Deno.test("what crosses on Wayland is written down once, and nothing that passes between apps of the container", () => {
  const crossed: Crossing[] = [];
  const crossings = createCrossings({ report: (line) => void crossed.push(line), tell() {}, mayReport: () => true });
  const made = withGlobals(undefined, trial(undefined, { crossings }));
  showWindow(made);
  const { host, connection } = made;
  makeSource(made);
  offerType(made, "text/html");
  connection.fromHost(frame(7, -1));
  connection.fromHost(frame(1, -1));
  host(message(source, "wl_data_source.send", "text/html"));
  for (let times = 0; times < 2; times++) assert(dataPasses(connection.fromContainer, -1));
  use(made);
  announce(made, ["text/plain", mark]);
  assert(read(made, "text/plain").isRead);
  crossings.flush({ all: true });
  assertEquals(crossed.map(({ type, times, bytes }) => [type, times, bytes]), [["text/html", 1, 6]]);
});

Deno.test("what passes between apps of one container on Wayland are types of any name", () => {
  const made = withWindow();
  const { app, host, connection } = made;
  makeSource(made);
  offerType(made, "text/uri-list");
  use(made);
  // The mark comes last: an app may take the first type that it finds.
  const marking = message(source, "wl_data_source.offer", mark);
  assertEquals(
    copy(made, 6),
    new Uint8Array([...marking, ...message(device, "wl_data_device.set_selection", source, 6)]),
  );
  const passed = announce(made, [`${mark};text/uri-list`, mark, "application/x-gui-container.other;text/uri-list"]);
  assertEquals(passed, message(offer, "wl_data_offer.offer", "text/uri-list"));
  // Also while nobody works there: it is the container's own.
  host(message(ids.keyboard, "wl_keyboard.leave", 8, ids.surface));
  made.wait(1_500);
  const { asked, isRead } = read(made, "text/uri-list");
  assertEquals(text(asked), text(message(offer, "wl_data_offer.receive", `${mark};text/uri-list`)));
  assert(isRead);
  connection.fromHost(frame(7, -1));
  connection.fromHost(frame(1, -1));
  const sent = host(message(source, "wl_data_source.send", `${mark};text/uri-list`));
  assertEquals(text(sent), text(message(source, "wl_data_source.send", "text/uri-list")));
  assert(dataPasses(connection.fromContainer, -1));
  assertEquals(
    host(message(source, "wl_data_source.target", `${mark};text/uri-list`)),
    message(source, "wl_data_source.target", "text/uri-list"),
  );
  assertEquals(
    app(message(offer, "wl_data_offer.accept", 6, "text/uri-list")),
    message(offer, "wl_data_offer.accept", 6, `${mark};text/uri-list`),
  );
  assertEquals(
    app(message(offer, "wl_data_offer.accept", 6, "x/y")),
    message(offer, "wl_data_offer.accept", 6, null),
  );
});

Deno.test("once the clipboard is closed on Wayland, nothing of what was offered before passes, and pipes that are open end", async () => {
  const made = withWindow();
  const { host, connection, session } = made;
  use(made);
  announce(made, ["text/plain"]);
  assert(read(made, "text/plain").isRead);
  makeSource(made);
  offerType(made, "text/plain");
  connection.fromHost(frame(7, -1));
  connection.fromHost(frame(1, -1));
  host(message(source, "wl_data_source.send", "text/plain"));
  assert(dataPasses(connection.fromContainer, -1));
  assert(dataPasses(connection.fromHost, 2));

  assertEquals(await session.carrying.carry({ close: ["out"] }), { closed: ["out"] });
  assert(!dataPasses(connection.fromContainer, -1), "more of what was pasted on the host");
  assert(dataPasses(connection.fromHost, 2), "the other direction");
  assertEquals(await session.carrying.carry({ close: ["in", "out"] }), { closed: ["in"] });
  assert(!dataPasses(connection.fromHost, 2), "more of what was pasted in the app");
  assertEquals(read(made, "text/plain", { pipe: 3 }).isRead, false, "what was announced before");
  connection.fromHost(frame(7, -2));
  connection.fromHost(frame(1, -2));
  host(message(source, "wl_data_source.send", "text/plain"));
  assert(!dataPasses(connection.fromContainer, -2), "what was copied before");
  assertEquals(announce(made, ["text/plain"], offer + 1), nothing);
});
