// Whether windows are shown by Wayland, and what speaks against it.

import { assertEquals, assertThrows } from "@std/assert";
import { type Channel, openChannels } from "../../lib/attach/channels.ts";
import { againstWayland, wantedDisplay, type Wish } from "../../lib/attach/wayland/choice.ts";
import { strangeGlobals } from "../../lib/attach/wayland/globals.ts";
import { UserError } from "../../lib/base/errors.ts";
import { recordingHost } from "./recording_host.ts";

Deno.test("wantedDisplay() takes the option, else the variable, else auto, and refuses other words", () => {
  const wanted = (option: string | undefined, variable?: string): string =>
    wantedDisplay(recordingHost({ env: variable ? { GUI_CONTAINER_DISPLAY: variable } : {} }).host, option);
  assertEquals([wanted(undefined), wanted(undefined, "x11"), wanted("wayland", "x11")], ["auto", "x11", "wayland"]);
  for (const word of ["", "Wayland", "x"]) assertThrows(() => wanted(word), UserError, `no way "${word}"`);
  assertThrows(() => wanted(undefined, "xorg"), UserError, 'no way "xorg"');
});

Deno.test("againstWayland() says what Wayland, waypipe or the desktop cannot do", () => {
  const wish = (changes: Partial<Wish> & { preset?: string; allow?: string; deny?: string }): string | undefined =>
    againstWayland(recordingHost({ env: { WAYLAND_DISPLAY: "wayland-1" } }).host, {
      open: openChannels(changes),
      userOptions: [],
      detached: false,
      box: true,
      ...changes,
    });
  assertEquals(wish({}), undefined);
  assertEquals(wish({ deny: "sound" }), undefined);
  for (
    const [changes, reason] of [
      [{ detached: true }, "a Wayland window cannot be left and shown later"],
      [{ userOptions: ["--border=red"] }, '"--border=red" is an option for xpra'],
      [{ box: false }, "waypipe runs in a box only"],
      [{ preset: "isolated" }, "Wayland cannot close the clipboard"],
      [{ deny: "clipboard-in" }, "Wayland cannot close clipboard-in"],
      [{ deny: "clipboard-out" }, "Wayland cannot close clipboard-out"],
      [{ allow: "files,links" }, "waypipe has no links, files"],
    ] as const
  ) assertEquals(wish(changes), reason);
  const open = new Set<Channel>(["clipboard-in", "clipboard-out"]);
  const none = recordingHost().host;
  assertEquals(
    againstWayland(none, { open, userOptions: [], detached: false, box: true }),
    "$WAYLAND_DISPLAY is not set",
  );
});

Deno.test("strangeGlobals() knows what is harmless, and takes what it does not know for privileged", () => {
  const info = (...names: string[]): string =>
    names.map((name) => `interface: '${name}',  version:  1, name:  7\n\tflags: 0x0\n`).join("");
  assertEquals(strangeGlobals(info("wl_compositor", "xdg_wm_base", "wl_seat")), []);
  assertEquals(
    strangeGlobals(info("wl_compositor", "zwlr_screencopy_manager_v1", "new_protocol_v9", "new_protocol_v9")),
    ["zwlr_screencopy_manager_v1", "new_protocol_v9"],
  );
  assertEquals(strangeGlobals("failed to connect"), ["nothing that can be read"]);
});
