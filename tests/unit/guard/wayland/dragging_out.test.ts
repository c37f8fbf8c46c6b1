// What an app drags out of its windows.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { maxListBytes } from "../../../../lib/guard/wayland/dropped_files.ts";
import { startTime } from "../../../model/time.ts";
import { copy, device, makeSource, offerType, raw, saidBy, source } from "../../wayland_clipboard.ts";
import {
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
