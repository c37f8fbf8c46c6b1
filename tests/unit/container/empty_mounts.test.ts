// Directories that a container has closed.

import { assertEquals } from "@std/assert";
import type { Host } from "../../../lib/base/host.ts";
import { emptyMounts } from "../../../lib/container/empty_mounts.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("emptyMounts() does not mind a container whose shell succeeds without a word", async () => {
  const { host, calls } = recordingHost();
  const silent: Host = { ...host, run: async (...given) => ({ ...await host.run(...given), stdout: "" }) };
  await emptyMounts(silent, { engine: engineCalled("lxc"), name: "box", status: "Running", config: {} });
  assertEquals(calls[0]?.slice(0, 3), ["lxc", "exec", "box"]);
});
