// Snapshots of instances.

import { assertEquals } from "@std/assert";
import { engineCalled } from "../../../lib/engine/engine.ts";
import { takeSnapshot } from "../../../lib/engine/snapshot.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("a snapshot stays until its instance is removed, whatever a profile says of how long snapshots stay", async () => {
  const { host, calls } = recordingHost({ answer: () => ({ stdout: "{}" }) });
  await takeSnapshot(host, { engine: engineCalled("incus"), name: "box" }, "first");
  const data = JSON.parse(calls[0]![calls[0]!.indexOf("--data") + 1]!);
  // Both engines take the year 1 for never.
  assertEquals(data, { name: "first", stateful: false, expires_at: "0001-01-01T00:00:00Z" });
});
