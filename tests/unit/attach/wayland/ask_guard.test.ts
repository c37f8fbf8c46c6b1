// What a command of the user's tells the guard of a session.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { noteApp } from "../../../../lib/attach/wayland/ask_guard.ts";
import type { Container } from "../../../../lib/container/container.ts";
import { recordingHost } from "../../recording_host.ts";
import { lockedDirectory } from "../../runs.ts";

Deno.test("noteApp() notes an app for its own session, and where it cannot, the app starts all the same", async () => {
  const root = await Deno.makeTempDir();
  using locks = new DisposableStack();
  try {
    const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: root, XDG_ACTIVATION_TOKEN: "sway-1_x" } });
    const container = { host, mounts: { directory: "/m" } } as unknown as Container;
    const fileOf = (session: string): string => join(root, `.attach-${session}`, "app");
    const makeGuard = async (session: string): Promise<void> => {
      locks.use(await lockedDirectory(join(root, `.attach-${session}`)));
      const noted = JSON.stringify({ mounts: "/m", session });
      await Deno.writeTextFile(join(root, `.attach-${session}`, "session.json"), noted);
    };
    const noted = async (session: string): Promise<unknown> => {
      const { app, token } = JSON.parse(await Deno.readTextFile(fileOf(session)).catch(() => "{}"));
      return app && [app, token.text, token.untilMs > Date.now()];
    };
    const started = (app: string): unknown => [app, "sway-1_x", true];
    await makeGuard("one");
    await noteApp(container, { session: "one", app: ["/usr/bin/xclock"] });
    assertEquals(await noted("one"), started("xclock"));
    await makeGuard("two");
    await noteApp(container, { session: "none", app: ["xeyes"] });
    assertEquals([await noted("one"), await noted("two")], [started("xclock"), undefined]);
    await noteApp(container, { session: "two", app: ["xeyes"] });
    assertEquals([await noted("one"), await noted("two")], [started("xclock"), started("xeyes")]);
    await Deno.remove(fileOf("two"));
    await Deno.mkdir(fileOf("two"));
    await noteApp(container, { session: "two", app: ["xeyes"] });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
