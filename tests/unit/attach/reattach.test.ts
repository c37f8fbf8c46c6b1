// How a session may be shown again.

import { assertEquals, assertRejects } from "@std/assert";
import { reattach } from "../../../lib/attach/reattach.ts";
import { UserError } from "../../../lib/base/errors.ts";
import type { Container } from "../../../lib/container/container.ts";
import { keepsBorder, request } from "../borders.ts";

Deno.test("a session is not shown again in another way, or with options that it cannot have; nor is its border another", async () => {
  const byX = '"foot" is shown over X, and cannot be shown again with --display=wayland';
  const byWayland = '"foot" is shown over Wayland, and cannot be shown again with ';
  for (
    const [session, options, message] of [
      ["x11", { display: "wayland" }, byX],
      ["wayland", { display: "x11" }, `${byWayland}--display=x11`],
      ["wayland", { userOptions: ["--title=x"] }, `${byWayland}--title=x`],
      ["wayland", { box: false }, `${byWayland}--no-box`],
    ] as const
  ) {
    const run = (container: Container): Promise<number> => reattach(container, request(options));
    await keepsBorder(async (container) => {
      const error = await assertRejects(() => run(container), UserError);
      assertEquals([error.message, error.exitCode], [message, 2]);
    }, { session, env: { WAYLAND_DISPLAY: "wayland-0" } });
  }
});
