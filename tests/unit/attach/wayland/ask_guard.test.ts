// What a command of the user's tells the guard of a session.

import { assertEquals } from "@std/assert";
import { noteApp } from "../../../../lib/attach/wayland/ask_guard.ts";
import type { StartedApp } from "../../../../lib/guard/wayland/session.ts";
import { withRuns } from "../../runs.ts";

Deno.test("noteApp() tells the guard of its own session, and where it cannot, the app starts all the same", async () => {
  await withRuns([], async ({ box, guard, env }) => {
    env["XDG_ACTIVATION_TOKEN"] = "sway-1_x";
    const heard: unknown[] = [];
    await guard("one", (command: unknown) => {
      const { app, token } = (command as { started: StartedApp }).started;
      heard.push([app, token!.text, token!.untilMs > Date.now()]);
      if (app === "xeyes") throw new Error("The guard has no answer");
      return null;
    });
    await noteApp(box, { session: "one", app: ["/usr/bin/xclock"] });
    await noteApp(box, { session: "none", app: ["xterm"] });
    assertEquals(heard, [["xclock", "sway-1_x", true]]);
    await noteApp(box, { session: "one", app: ["xeyes"] });
    assertEquals(heard.length, 2);
  });
});
