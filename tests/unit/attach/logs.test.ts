// attach.ts --logs: how much of a log is printed, and what is said where there is none.

import { assertEquals, assertRejects } from "@std/assert";
import { logs } from "../../../lib/attach/logs.ts";
import { UserError } from "../../../lib/base/errors.ts";
import type { SessionLog } from "../../../lib/container/session_files.ts";
import { localBox, remoteBox } from "../containers.ts";
import { recordingHost } from "../recording_host.ts";
import { assertSaid } from "../refusals.ts";

Deno.test("the end of a log is printed, and it is said when that is not all", async () => {
  for (const omittedBytes of [0, 7]) {
    const { host, said } = recordingHost();
    const log: SessionLog = { text: "one\ntwo\n", omittedBytes };
    assertEquals(await logs({ ...localBox(host), log: () => Promise.resolve(log) }, "web"), 0);
    const [text, ...warnings] = said.toReversed();
    assertEquals(text, "result: one\ntwo");
    assertSaid(warnings, omittedBytes > 0 ? [["warn", "8 characters", "/m/box/xpra"]] : []);
  }
});

Deno.test("where there is no log, it is said where logs would be", async () => {
  const { host } = recordingHost();
  const none = { log: () => Promise.resolve(undefined) };
  for (
    const [box, session, message, hint] of [
      [localBox(host), "web", 'There is no log of "web"', "See what is in /m/box/xpra"],
      [
        remoteBox(host),
        undefined,
        'There is no log of a session of "far:box"',
        "See what is in /home/ubuntu/.xpra in the container",
      ],
    ] as const
  ) {
    const error = await assertRejects(() => logs({ ...box, ...none }, session), UserError);
    assertEquals([error.message, error.hint, error.exitCode], [message, hint, 2]);
  }
});
