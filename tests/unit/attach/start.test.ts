// What is found out before an app is started.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { start } from "../../../lib/attach/start.ts";
import { UserError } from "../../../lib/base/errors.ts";
import { openHistory } from "../../../lib/container/history.ts";
import type { Container } from "../../../lib/container/container.ts";
import { keepsBorder, request } from "../borders.ts";

Deno.test("a run that Wayland cannot show changes no border", async () => {
  await keepsBorder(async (container) => {
    const error = await assertRejects(() => start(container, request({ display: "wayland" })), UserError);
    assertEquals([error.message, error.exitCode], ["Wayland cannot show this: $WAYLAND_DISPLAY is not set", 2]);
  });
});

Deno.test("two runs at once of the same app take their turns, and each sees what the other one has started", async () => {
  await keepsBorder(async (container) => {
    const live: string[] = [];
    const box = {
      ...container,
      inside: () => Promise.resolve({ sockets: "/home/ubuntu/.xpra" }),
      boot: () => Promise.resolve({ sockets: "/home/ubuntu/.xpra" }),
      history: openHistory(container.host, undefined),
      seenSessions: () => Promise.resolve([...live]),
      script: () =>
        Promise.resolve({
          code: 0,
          stdout: live.map((name) => `${name}\tx11\t7\t0\t1700000000\t\t\t"foot"`).join("\n"),
        }),
      async earlyScript({ script }: { script: string }) {
        const [, session] = /^session=(.*)$/m.exec(script)!;
        // The first one takes its time.
        while (live.length === 0 && session !== "foot") await Promise.resolve();
        await new Promise((resolve) => setTimeout(resolve, 20));
        live.push(session!);
        return { stdout: `${session}\n` };
      },
    } as unknown as Container;
    const starting = request({ detached: true, display: "x11", border: undefined });
    await Promise.all([start(box, starting), start(box, starting), start(box, starting)]);
    assertEquals(live, ["foot", "foot-2", "foot-3"]);
  });
});

Deno.test("an address is no name of a session: however long it is, the container's browser is looked for", async () => {
  await keepsBorder(async (container) => {
    const sockets = join(container.mounts.directory, "a".repeat(60 - container.mounts.directory.length));
    await Deno.mkdir(sockets, { recursive: true });
    const box = {
      ...container,
      mounts: { ...container.mounts, sockets },
      script: () => Promise.reject(new UserError("It is asked for a browser", { hint: "" })),
      connect: () => Promise.resolve(),
      seenSessions: () => Promise.resolve([]),
    } as unknown as Container;
    const app = [`https://xkcd.com/${"long-".repeat(20)}`];
    await assertRejects(() => start(box, request({ app, display: "x11", border: undefined })), UserError, "a browser");
  });
});
