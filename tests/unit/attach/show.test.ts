// A session that cannot be shown.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Windows } from "../../../lib/attach/display/display.ts";
import { createPermissions } from "../../../lib/attach/session/permissions.ts";
import { show } from "../../../lib/attach/show.ts";
import type { Host } from "../../../lib/base/host.ts";
import { localBox } from "../containers.ts";
import { recordingHost } from "../recording_host.ts";

/**
 * Shows a new session by a client that fails, when the run is to end already.
 *
 * @returns what cleaning up has run, and what was said
 */
async function failing(answer: Error | Record<never, never>): Promise<{ calls: string[][]; said: string[] }> {
  const cleaning = recordingHost({ answer: () => answer });
  const { host: base, said } = recordingHost();
  const run = (): Promise<never> => Promise.reject(new Error("Ctrl-C"));
  const host: Host = { ...base, run, signal: AbortSignal.abort(), forCleanup: () => cleaning.host };
  const windows: Windows = {
    note: "",
    outlivesRun: "session",
    serverEnd: () => Promise.reject(new Error("not started")),
    show: () => Promise.reject(new Error("no socket")),
    ended: () => new Promise(() => {}),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const session = { start: () => Promise.resolve("xterm"), run: "1234abcd" };
  const box = localBox(host);
  const permissions = createPermissions(box, { open: new Set() });
  const shown = show(box, { permissions, asks: new Set(), windows, session });
  await assertRejects(() => shown, Error, "no socket");
  return { calls: cleaning.calls, said };
}

Deno.test("show() ends a new session that it cannot show, also after Ctrl-C, and tells nothing of channels", async () => {
  const { calls, said } = await failing({});
  assertEquals(calls.map(([program]) => program), ["ssh"]);
  assertStringIncludes(calls[0]!.join(" "), "xterm");
  assertEquals(said, []);
});

Deno.test("show() says how to end a session that it can neither show nor end", async () => {
  const { said } = await failing(new Error("unreachable"));
  assertEquals(said, ['warn: "xterm" could not be stopped. To try it again: attach.ts --stop box xterm']);
});
