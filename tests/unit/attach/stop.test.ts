// What is asked about the sessions of a container that does not run: it has none, and is not started for that.

import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import type { Container } from "../../../lib/container/container.ts";
import { copyOut } from "../../../lib/attach/clipboard.ts";
import { stop } from "../../../lib/attach/stop.ts";
import { localBox } from "../containers.ts";
import { recordingHost } from "../recording_host.ts";

function stopped(): { container: Container; calls: string[][] } {
  const { host, calls } = recordingHost({ env: { HOME: "/home/me", DISPLAY: ":0" } });
  return { container: { ...localBox(host), isRunning: () => Promise.resolve(false) }, calls };
}

Deno.test("a container is not started to stop a session of it, or to carry its clipboard", async () => {
  const { container, calls } = stopped();
  await assertRejects(
    () => stop(container, { session: undefined, all: false }),
    UserError,
    'No session runs in "box"',
  );
  await assertRejects(() => stop(container, { session: "web", all: false }), UserError, 'There is no session "web"');
  await assertRejects(() => copyOut(container, undefined), UserError, 'No session runs in "box"');
  assertEquals([await stop(container, { session: undefined, all: true }), calls], [0, []]);
});
