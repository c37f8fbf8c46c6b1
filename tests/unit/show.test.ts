// A session that cannot be shown.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Client, ClientOptions } from "../../lib/attach/x11/client.ts";
import { createMemory } from "../../lib/guard/xpra/memory.ts";
import { fallbackScreen } from "../../lib/attach/x11/screen.ts";
import { show } from "../../lib/attach/x11/show.ts";
import type { Host } from "../../lib/base/host.ts";
import { localBox } from "./containers.ts";
import { recordingHost } from "./recording_host.ts";

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
  const options: ClientOptions = {
    container: localBox(host),
    open: new Set(),
    memory: createMemory(),
    border: { colour: "#e60000", width: 4, isAlways: false },
    userOptions: [],
    screen: fallbackScreen,
    box: true,
    asks: new Set(),
  };
  const client: Client = {
    show: () => Promise.reject(new Error("no socket")),
    ended: new Promise(() => {}),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const shown = show(options, { session: "xterm", isNew: true, client });
  await assertRejects(() => shown, Error, "no socket");
  return { calls: cleaning.calls, said };
}

Deno.test("show() ends a new session that it cannot show, also after Ctrl-C, and tells why it could not", async () => {
  const { calls, said } = await failing({});
  assertEquals(calls.map(([program]) => program), ["ssh"]);
  assertStringIncludes(calls[0]!.join(" "), "xterm");
  assertEquals(said, ["status: Open channels: none"]);
});

Deno.test("show() says how to end a session that it can neither show nor end", async () => {
  const { said } = await failing(new Error("unreachable"));
  assertEquals(said.slice(1), ['warn: "xterm" could not be stopped. To try it again: attach.ts --stop box xterm']);
});
