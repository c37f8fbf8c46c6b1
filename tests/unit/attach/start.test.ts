// What is found out before an app is started.

import { assertEquals, assertRejects } from "@std/assert";
import { start } from "../../../lib/attach/start.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { keepsBorder, request } from "../borders.ts";

Deno.test("a run that Wayland cannot show changes no border", async () => {
  await keepsBorder(async (container) => {
    const error = await assertRejects(() => start(container, request({ display: "wayland" })), UserError);
    assertEquals([error.message, error.exitCode], ["Wayland cannot show this: $WAYLAND_DISPLAY is not set", 2]);
  });
});
