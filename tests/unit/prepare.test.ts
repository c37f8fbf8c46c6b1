import { assertEquals } from "@std/assert";
import { prepareContainer } from "../../lib/create/prepare.ts";
import { engineCalled } from "../../lib/engine/engine.ts";
import { recordingHost } from "./recording_host.ts";

Deno.test("prepareContainer() limits how much the container may answer, and how long it may take", async () => {
  const { host, options } = recordingHost({ answer: () => ({ stdout: "" }) });
  await prepareContainer(engineCalled(host, "lxc"), "box", "ssh-ed25519 AAAA").catch(() => {});
  assertEquals(options.map(({ maxOutputBytes, timeoutMs }) => [maxOutputBytes, timeoutMs]), [[2 ** 20, 60_000]]);
});
