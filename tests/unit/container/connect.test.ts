import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UserError } from "../../../lib/base/errors.ts";
import { claimRecord, release } from "../../../lib/base/lock.ts";
import { creationRecordPath } from "../../../lib/container/paths.ts";
import { addressOf } from "../../../lib/container/address.ts";
import { dirname, join } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";
import { bootInstance, reachInstance, runAtBoot } from "../../../lib/container/connect.ts";
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

Deno.test("bootInstance() says that a container is still being made, and how to pin the keys of one that is not", async () => {
  const base = await Deno.makeTempDir();
  try {
    const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: base } });
    const address = addressOf(host, { engine: engineCalled("lxc"), name: "box" });
    await Deno.mkdir(address.mounts.directory);
    const boot = (): Promise<void> =>
      bootInstance(host, address, { found: { status: "Running" } as InstanceInfo, throughEngine: false });
    const record = await claimRecord(creationRecordPath(address.mounts), {});
    await assertRejects(boot, UserError, 'The container "box" is still being made');
    release(record);
    await assertRejects(boot, UserError, "are not pinned");
  } finally {
    await Deno.remove(base, { recursive: true });
  }
});

/**
 * Runs run_early.sh.
 *
 * @param listens whether the user's systemd does; its socket is at hand otherwise
 * @param caller a script for sh that runs it: "$@"
 * @param waits as for runAtBoot()
 * @returns what the user's program says: home, directory, words
 */
async function runEarly(
  { listens, caller, waits = true }: { listens: boolean; caller: string; waits?: boolean },
): Promise<string> {
  const home = await Deno.realPath(await Deno.makeTempDir());
  try {
    const write = async (path: string, script: string): Promise<void> => {
      await Deno.mkdir(dirname(join(home, path)), { recursive: true });
      await Deno.writeTextFile(join(home, path), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    };
    await write("bin/setpriv", 'while [ "${1#--}" != "$1" ]; do shift; done\nexec "$@"');
    await write("bin/sleep", `: >${home}/looked\nexec /bin/sleep "$@"`);
    await write(".local/bin/tool", `printf '<%s>' "$HOME" "$PWD" "$@"`);
    await Deno.mkdir(join(home, "systemd"));
    using _systemd = Deno.listen({ transport: "unix", path: join(home, "systemd", listens ? "private" : "later") });
    const { calls, host } = recordingHost({ env: { HOME: "/home/me" }, answer: () => ({ stdout: "\x04" }) });
    const address = addressOf(host, { engine: engineCalled("lxc"), name: "box" });
    const script = '.local/bin/tool "$@"';
    await runAtBoot(host, address, { user: { ...ubuntuUser, home }, script, parameters: ["a b"], waits });
    const words = calls[0]!.map((word) => word.replaceAll("/run/user/$uid", home).replaceAll("/root", home));
    const argv = words.slice(words.findIndex((word) => word.startsWith("uid=")) - 2);
    const env = { PATH: `${home}/bin:${Deno.env.get("PATH")}` };
    const { stdout } = await runProcess(["/bin/sh", "-c", caller, home, ...argv], { env, okCodes: "any" });
    return stdout.replaceAll(home, "HOME");
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("runAtBoot() begins in the home, as SSH does", async () => {
  assertEquals(await runEarly({ listens: true, caller: '"$@"' }), "<HOME><HOME><a b>");
});

Deno.test("runAtBoot() runs nothing any more when the engine has ended what has called it", async () => {
  const caller = `cd "$0"
sh -c '"$@"; :' sh "$@" &
until [ -e looked ]; do /bin/sleep 0.01; done
kill $!
wait
mv systemd/later systemd/private
exec flock . true`;
  assertEquals(await runEarly({ listens: false, caller }), "");
});

Deno.test("runAtBoot() takes a session back at once: before the user's systemd listens, there is none", async () => {
  const caller = 'timeout 20 "$@"; echo "ended: $?"';
  assertEquals(await runEarly({ listens: false, caller, waits: false }), "ended: 0\n");
  assertEquals(await runEarly({ listens: true, caller, waits: false }), "<HOME><HOME><a b>ended: 0\n");
});
