// What a script says on a desktop, where nobody reads its output.

import { assertEquals } from "@std/assert";
import { hasDisplay, showOnDesktop } from "../../../lib/base/desktop.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("a message is a notification, else a window that closes by itself, and neither has markup or escapes", async () => {
  const shown = async (lacks: boolean): Promise<string[][]> => {
    const { host, calls } = recordingHost({ answer: ([program]) => lacks && program !== "zenity" ? { code: 1 } : {} });
    await showOnDesktop("box\u001b", "<b>a</b> \\074", { run: host.run });
    return calls;
  };
  const notification = ["notify-send", "--app-name=gui-container", "--icon=dialog-error"];
  const first = [...notification, "--", "box\ufffd", "&lt;b&gt;a&lt;/b&gt; \\\\074"];
  assertEquals(await shown(false), [first]);
  const [tried, window] = await shown(true);
  assertEquals(tried, first);
  assertEquals(window!.filter((word) => /^zenity|^--(no-markup|text|error)/.test(word)), [
    ...["zenity", "--error", "--no-markup", "--text=box\ufffd\n\n<b>a</b> <U+005C>074"],
  ]);
});

Deno.test("hasDisplay() knows X and Wayland", () => {
  const has = (env: Record<string, string>): boolean => hasDisplay((name) => env[name]);
  assertEquals([has({}), has({ DISPLAY: ":0" }), has({ WAYLAND_DISPLAY: "wayland-0" })], [false, true, true]);
});
