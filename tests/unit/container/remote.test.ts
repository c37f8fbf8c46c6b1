// A container on another machine, and what happens when the connection to it breaks.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type ProcessResult, UserError } from "../../../lib/base/errors.ts";
import type { Host } from "../../../lib/base/host.ts";
import { startTime } from "../../model/time.ts";
import { remoteBox } from "../containers.ts";
import { type Answer, recordingHost } from "../recording_host.ts";
import { assertSaid } from "../refusals.ts";

const instance = (status: string): Answer => ({
  stdout: JSON.stringify({ name: "box", status, config: {}, devices: {}, expanded_devices: {} }),
});

/**
 * Mends a broken connection. The first masters fail as `masters` say, the next one works; the engine answers `answer`.
 */
async function mend(
  masters: readonly string[],
  answer: Answer,
  { abortAfterMs }: { abortAfterMs?: number } = {},
): Promise<{ starts: number; said: string[] }> {
  const directory = await Deno.makeTempDir();
  using time = startTime();
  const failures = [...masters];
  const ending = new AbortController();
  const { host: recorded, said } = recordingHost({ answer: () => answer });
  let starts = 0;
  const host: Host = {
    ...recorded,
    signal: ending.signal,
    start(argv) {
      starts++;
      const stderr = failures.shift();
      const over = Promise.withResolvers<ProcessResult>();
      const result = { argv, code: 255, signal: null, stdout: "", stderr: stderr ?? "" };
      if (stderr !== undefined) over.resolve(result);
      else {
        const listener = Deno.listen({ transport: "unix", path: join(directory, "ssh") });
        over.promise.then(() => listener.close());
      }
      return { pid: 1, ended: over.promise, kill: () => over.resolve(result) };
    },
  };
  const mounts = { directory, sockets: directory, share: directory, shared: [], knownHosts: directory, ssh: directory };
  if (abortAfterMs !== undefined) setTimeout(() => ending.abort(new RangeError("Ctrl-C")), abortAfterMs);
  try {
    await using container = remoteBox(host, { mounts, directory });
    await time.until(container.reconnect());
    return { starts, said };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const refused = "Error: dial tcp 198.18.4.21:8443: connect: connection refused\n";

Deno.test("reconnect() tries again while the server does not answer, and says so once", async () => {
  const { starts, said } = await mend([refused], { code: 1, stderr: refused });
  assertEquals(starts, 2);
  assertSaid(said, [["warn", '"far:box" is lost', "Ctrl-C"], ["status", '"far:box" again']]);
});

Deno.test("reconnect() gives up when the container does not run any more, or is not the one that it was", async () => {
  const notRunning = "Error: Instance is not running\n";
  for (
    const [master, answer, message] of [
      [notRunning, instance("Stopped"), '"far:box" is no longer running'],
      [notRunning, { code: 1, stderr: "Error: Instance not found\n" }, '"far:box" is no longer running'],
      [refused, { code: 1, stderr: "Error: x509: certificate signed by unknown authority\n" }, "certificate"],
      ["Host key verification failed.\n", instance("Running"), "host key"],
    ] as const
  ) await assertRejects(() => mend([master], answer), UserError, message);
});

Deno.test("reconnect() waits no longer than the run", async () => {
  await assertRejects(() => mend([], {}, { abortAfterMs: 10 }), RangeError, "Ctrl-C");
});

Deno.test("connect() leaves room in the path of ssh's socket for the longer one that ssh makes first", async () => {
  await using container = remoteBox(recordingHost().host, { directory: `/${"x".repeat(87)}` });
  await assertRejects(() => container.connect(), UserError, "longer than 90 bytes");
});
