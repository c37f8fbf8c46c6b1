// What the guard of Wayland lets through of the clipboard, of what is selected, and of drags.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Violation } from "../../../../lib/guard/faults.ts";
import { createCrossings, type Crossing } from "../../../../lib/guard/crossings.ts";
import { maxListBytes } from "../../../../lib/guard/wayland/dropped_files.ts";
import { startTime } from "../../../model/time.ts";
import {
  dataPasses,
  frame,
  ids,
  message,
  readData,
  showWindow,
  type Trial,
  trial,
  use,
  withGlobals,
  withWindow,
} from "../../wayland_samples.ts";

const nothing = new Uint8Array();
const offer = 0xff00_0000;
const [source, device, primaryDevice] = [ids.next, ids.device, ids.primaryDevice];
const mark = "application/x-gui-container.box";
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

function makeSource({ app }: Trial): void {
  app(message(ids.dataManager, "wl_data_device_manager.create_data_source", source));
}

function offerType({ app }: Trial, type: string): Uint8Array {
  return app(message(source, "wl_data_source.offer", type));
}

function copy({ app }: Trial, serial: number): Uint8Array {
  return app(message(device, "wl_data_device.set_selection", source, serial));
}

/** The host announces these types as what is copied. Returns what passes. */
function announce({ host }: Trial, types: readonly string[], id = offer): Uint8Array {
  host(message(device, "wl_data_device.data_offer", id));
  const passed = host(...types.map((type) => message(id, "wl_data_offer.offer", type)));
  host(message(device, "wl_data_device.selection", id));
  return passed;
}

function read(made: Trial, type: string, { pipe = 2, id = offer } = {}): { asked: Uint8Array; isRead: boolean } {
  return readData(made, { pipe, receive: message(id, "wl_data_offer.receive", type) });
}

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

/** What the guard itself has to say to the app. */
function saidBy({ connection }: Trial): string {
  const leaving = connection.leave();
  assert(leaving !== "later");
  return raw(leaving?.toContainer ?? nothing);
}

/** Each byte as a character. */
function raw(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

Deno.test("files that are let go of outside of an app's windows come to the downloads, by the app's list, and no others", async () => {
  const list = "file:///home/ubuntu/a.txt\r\n";
  const cancelled = message(source, "wl_data_source.cancelled");
  const leave = message(device, "wl_data_device.leave");
  for (
    const [way, isTaken] of [
      ["outside", true],
      ["by Escape", false],
      ["by another key", true],
      ["no press", false],
      ["just over the edge", false],
      ["inside", false],
      ["back inside", false],
      ["a link", false],
      ["copied", false],
      ["no answer", false],
      ["too long", true],
      ["the source ends", true],
      ["the connection ends", false],
      ["clipboard-out is closed", false],
    ] as const
  ) {
    using time = startTime();
    const taken: string[] = [];
    const clipboard = { in: true, out: way !== "clipboard-out is closed" };
    const made = withGlobals(undefined, trial(clipboard, { takeOut: (list) => void taken.push(list) }));
    showWindow(made);
    const { app, host, connection } = made;
    makeSource(made);
    offerType(made, "text/uri-list");
    if (way === "a link") offerType(made, "text/x-moz-url");
    use(made);
    if (way !== "no press") host(message(ids.pointer, "wl_pointer.button", 6, 0, 272, 1));
    if (way === "copied") copy(made, 6);
    else app(message(device, "wl_data_device.start_drag", source, ids.surface, 0, 6));
    const enter = (): Uint8Array => host(message(device, "wl_data_device.enter", 7, ids.surface, 256, 256, 0));
    enter();
    if (way !== "inside") host(leave);
    made.wait(way === "just over the edge" ? 100 : 1_000);
    if (way === "back inside") enter();
    if (way === "inside") host(leave);
    const heard = host(cancelled);
    if (way.startsWith("by")) {
      const keys = new Uint8Array(new Uint32Array([30, way === "by Escape" ? 1 : 257]).buffer);
      host(message(ids.keyboard, "wl_keyboard.enter", 8, ids.surface, keys));
    }
    const isRead = [
      "outside",
      "by Escape",
      "by another key",
      "no answer",
      "too long",
      "the source ends",
      "the connection ends",
    ].includes(way);
    assertEquals(heard, isRead ? nothing : cancelled, way);
    if (isRead) {
      assert(saidBy(made).includes("text/uri-list"), way);
      const data = new TextEncoder().encode(way === "too long" ? "x".repeat(2 ** 17) : list);
      if (way === "the source ends") app(message(source, "wl_data_source.destroy"));
      if (way === "the connection ends") connection.end();
      else if (way !== "no answer") {
        for (let at = 0; at < data.length; at += 2 ** 14) {
          connection.fromContainer(frame(10, -0x4000_0000, data.subarray(at, at + 2 ** 14)));
        }
        connection.fromContainer(frame(12, -0x4000_0000));
      }
      await time.pass(11_000, () => {});
      assertEquals(saidBy(made).includes(raw(cancelled)), way !== "the source ends", way);
      if (way !== "the source ends") assertEquals(host(cancelled), cancelled, "once");
    }
    const whole = way === "too long" ? "x".repeat(maxListBytes + 1) : list;
    assertEquals(taken, isTaken ? [whole] : [], way);
    if (way === "copied") assertStringIncludes(made.told.join(), "that an app copies stay");
  }
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

/** Printable, for a comparison of messages without the bits that count descriptors. */
function text(message: Uint8Array): string {
  return new TextDecoder().decode(message.subarray(8));
}

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

Deno.test("an app on Wayland drags something only while a button is down, and once", () => {
  const made = withWindow();
  const { app, host } = made;
  makeSource(made);
  const drag = (): Uint8Array => app(message(device, "wl_data_device.start_drag", source, ids.surface, 0, 6));
  use(made);
  assertEquals(drag(), nothing);
  host(message(ids.pointer, "wl_pointer.button", 6, 0, 272, 1));
  host(message(ids.pointer, "wl_pointer.button", 7, 0, 272, 0));
  assertEquals(drag(), nothing);
  host(message(ids.pointer, "wl_pointer.button", 6, 0, 272, 1));
  assert(drag().length > 0);
  // The compositor has the button now: the app hears of no release.
  assertEquals(drag(), nothing);
});

Deno.test("an app on Wayland reads what is dragged over its window once it is dropped there", () => {
  /** The host drags something of these types into the window. */
  const dragging = (types: readonly string[]): Trial => {
    const made = withWindow();
    use(made);
    made.host(
      message(device, "wl_data_device.data_offer", offer),
      ...types.map((type) => message(offer, "wl_data_offer.offer", type)),
    );
    const isOwn = types.includes(mark);
    assertEquals(read(made, "text/plain", { pipe: 8 }).isRead, isOwn);
    made.host(message(device, "wl_data_device.enter", 9, ids.surface, 256, 256, offer));
    return made;
  };
  const made = dragging(["text/plain"]);
  assertEquals(read(made, "text/plain", { pipe: 2 }).isRead, false);
  made.host(message(device, "wl_data_device.drop"));
  assert(read(made, "text/plain", { pipe: 3 }).isRead);
  const left = dragging(["text/plain"]);
  left.host(message(device, "wl_data_device.leave"), message(device, "wl_data_device.drop"));
  assertEquals(read(left, "text/plain", { pipe: 2 }).isRead, false);
  assert(read(dragging(["text/plain", mark]), "text/plain", { pipe: 2 }).isRead, "it comes from the same container");
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
