// How a container is made ready for SSH.

import { assertEquals } from "@std/assert";
import { addressOf } from "../../../lib/container/address.ts";
import { reachInstance } from "../../../lib/container/connect.ts";
import { mountsIn } from "../../../lib/container/paths.ts";
import { plannedUser } from "../../../lib/container/user.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import type { InstanceInfo } from "../../../lib/engine/instance.ts";
import { recordingHost } from "../recording_host.ts";

Deno.test("a container that has an address is waited for in the minute after its start: its sshd may not be up", async () => {
  const root = await Deno.makeTempDir();
  try {
    const { directory, knownHosts } = mountsIn({ env: () => root }, "box");
    await Deno.mkdir(directory);
    await Deno.writeTextFile(knownHosts, "");
    for (const [ageMs, isAwaited] of [[3_000, true], [61_000, false]] as const) {
      const started = new Date(Date.now() - ageMs).toISOString();
      const answer = (argv: readonly string[]) => argv[1] === "query" ? { stdout: instance } : {};
      const addresses = [{ family: "inet", address: "10.0.0.5", scope: "global" }];
      const instance = JSON.stringify({ name: "box", state: { network: { eth0: { addresses } } } });
      const { host, calls } = recordingHost({ answer, env: { GUI_CONTAINER_MOUNTS: root } });
      const found = { status: "Running", hasNetwork: true, address: "10.0.0.5", last_used_at: started };
      const address = addressOf(host, { engine: engineCalled("incus"), name: "box" });
      const target = await reachInstance(host, address, {
        found: found as InstanceInfo,
        user: plannedUser,
        throughEngine: false,
      });
      assertEquals(target.address, "10.0.0.5");
      assertEquals(calls.some((argv) => argv.includes("exec")), isAwaited);
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
