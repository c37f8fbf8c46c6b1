// The windows of an app on another machine, which last no longer than their run.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { WaylandClient } from "../../../../lib/attach/wayland/client.ts";
import { awaitRemoteEnd } from "../../../../lib/attach/wayland/display.ts";
import { type ProcessResult, UserError } from "../../../../lib/base/errors.ts";
import type { WindowsEnd } from "../../../../lib/guard/closing.ts";
import { remoteBox } from "../../containers.ts";
import { recordingHost } from "../../recording_host.ts";

/** A run that shows "web" of "far:box". */
function showing({ isLost = false, stops = true }: { isLost?: boolean; stops?: boolean } = {}) {
  const { host, calls, said } = recordingHost({ answer: () => stops ? {} : { code: 255, stderr: "Broken pipe" } });
  const run = new AbortController();
  /** How the container answers that the session is over. */
  const over = Promise.withResolvers<ProcessResult>();
  const windows = Promise.withResolvers<WindowsEnd>();
  const container = {
    ...remoteBox({ ...host, signal: run.signal }),
    script: () => over.promise,
    isLost: () => Promise.resolve(isLost),
  };
  const client = {
    ended: windows.promise,
    [Symbol.asyncDispose]: () => Promise.resolve(windows.resolve("closed")),
  } as unknown as WaylandClient;
  const end = awaitRemoteEnd(container, { session: "web", client });
  return { end, run, over, windows, said, stopped: () => calls.map((argv) => /\bweb$/.test(argv.at(-1)!)) };
}

Deno.test("a session on another machine that is over takes its windows with it, which say what became of them", async () => {
  const { end, over, stopped } = showing();
  over.resolve({} as ProcessResult);
  assertEquals([await end, stopped()], ["closed", []]);
});

Deno.test("windows of another machine that are gone with the connection are told from those that were closed", async () => {
  const lost = showing({ isLost: true });
  lost.over.reject(new Error("no connection"));
  const { hint } = await assertRejects(() => lost.end, UserError, 'connection to "far:box"');
  assertStringIncludes(hint, "--display x11");
  assertEquals(lost.stopped(), []);
  const closed = showing();
  closed.windows.resolve("other");
  await assertRejects(() => closed.end, UserError, 'The container "far:box" is gone');
  assertEquals(closed.stopped()[0], true, "nobody would see its app");
});

Deno.test("a run that ends stops its session on another machine, and says so where it cannot", async () => {
  for (const stops of [true, false]) {
    const { end, run, said, stopped } = showing({ stops });
    run.abort(new Error("Ctrl-C"));
    await assertRejects(() => end, Error, "Ctrl-C");
    assertEquals(stopped(), [true]);
    assertEquals(said.map((line) => line.slice(0, 22)), [stops ? 'status: "web" is stopp' : 'warn: "web" could not ']);
  }
});
