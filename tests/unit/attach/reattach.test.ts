// How a session may be shown again.

import { assertEquals, assertRejects } from "@std/assert";
import { reattach } from "../../../lib/attach/reattach.ts";
import { UserError } from "../../../lib/base/errors.ts";
import type { Container } from "../../../lib/container/container.ts";
import { openHistory } from "../../../lib/container/history.ts";
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

Deno.test("a session whose windows stay is served again without a look at X", async () => {
  const asked: (readonly string[])[] = [];
  const answer = (argv: readonly string[]) => (asked.push(argv), {});
  for (const env of [{ WAYLAND_DISPLAY: "wayland-0", DISPLAY: ":0" }, { WAYLAND_DISPLAY: "wayland-0" }]) {
    await keepsBorder(async (container) => {
      const history = openHistory(container.host, undefined);
      assertEquals(await reattach({ ...container, history }, request({ border: undefined })), 0);
    }, { session: "wayland", env, answer });
  }
  assertEquals(asked, []);
});

Deno.test("a session that cannot be shown again keeps the record of its channels", async () => {
  for (const env of [{}, { WAYLAND_DISPLAY: "wayland-0" }]) {
    await keepsBorder(async (container) => {
      const scripts: string[] = [];
      const script = (options: Parameters<Container["script"]>[0]) => {
        scripts.push(/^verb=(\w+)$/m.exec(options.script)![1]!);
        return container.script(options);
      };
      const open = new Set(["sound"] as const);
      const run = (): Promise<number> => reattach({ ...container, script }, request({ open, border: undefined }));
      await assertRejects(run, UserError, "$DISPLAY");
      assertEquals(scripts, ["list"]);
    }, { session: "x11", env });
  }
});
