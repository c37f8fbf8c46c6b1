import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { addressOf } from "../../../lib/container/address.ts";
import { bootInstance, reachInstance } from "../../../lib/container/connect.ts";
import type { SshTarget } from "../../../lib/container/ssh.ts";
import { ubuntuUser } from "../../../lib/container/user.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";
import type { InstanceInfo } from "../../../lib/engine/instance.ts";
import { recordingHost } from "../recording_host.ts";

/** Reaches a stopped container. */
async function reach(
  { throughEngine, hasNetwork }: { throughEngine: boolean; hasNetwork: boolean },
): Promise<{ calls: string[][]; target: SshTarget }> {
  const base = await Deno.makeTempDir();
  try {
    const state = { network: { eth0: { addresses: [{ scope: "global", family: "inet", address: "10.0.0.5" }] } } };
    const { host, calls } = recordingHost({
      env: { GUI_CONTAINER_MOUNTS: base },
      answer: (argv) => ({ stdout: argv[1] === "exec" ? "\x04" : JSON.stringify({ name: "box", state }) }),
    });
    const address = addressOf(host, { engine: engineCalled("lxc"), name: "box" });
    await Deno.mkdir(address.mounts.directory);
    await Deno.writeTextFile(address.mounts.knownHosts, "box ssh-ed25519 AAAA\n");
    const found = { ...address, status: "Stopped", hasNetwork } as unknown as InstanceInfo;
    const options = { found, user: ubuntuUser, throughEngine, preload: ["/usr/lib/*/libx*"] };
    await bootInstance(host, address, options);
    return { target: await reachInstance(host, address, options), calls };
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

Deno.test("reachInstance() waits for the network where SSH comes by it, and never for what is read ahead", async () => {
  const cases = [
    { throughEngine: false, hasNetwork: true, waits: "yes", address: "10.0.0.5" },
    { throughEngine: true, hasNetwork: true, waits: "''", address: "box" },
    { throughEngine: false, hasNetwork: false, waits: "''", address: "box" },
  ];
  for (const { waits, address, ...how } of cases) {
    const { calls, target } = await reach(how);
    assertEquals(calls[0], ["lxc", "start", "box"]);
    const script = calls[1]!.at(-1)!;
    assert(script.startsWith(`preload='/usr/lib/*/libx*'\nhas_network=${waits}\n`), script);
    assertStringIncludes(script, "cat $preload >/dev/null 2>&1 </dev/null &\n");
    assertEquals([target.address, target.proxy?.[0]], [address, waits === "yes" ? undefined : "lxc"]);
  }
});
