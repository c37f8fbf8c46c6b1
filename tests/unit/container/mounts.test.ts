import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { UserError } from "../../../lib/base/errors.ts";
import { exists } from "../../../lib/base/files.ts";
import { runProcess } from "../../../lib/base/process.ts";
import {
  checkAclSupport,
  emptyMounts,
  makeMounts,
  mountDevices,
  removeMounts,
  shareMounts,
  usedMounts,
} from "../../../lib/container/mounts.ts";
import { checkMountsRoot, mountsIn } from "../../../lib/container/paths.ts";
import { type Answer, recordingHost } from "../recording_host.ts";
import { assertRefuses } from "../refusals.ts";
import { testWith } from "../samples.ts";
import type { Host } from "../../../lib/base/host.ts";
import { engineCalled } from "../../../lib/engine/engine.ts";

async function inTempDir(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "it's " });
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("checkMountsRoot() refuses a directory in which everybody may write", async () => {
  await inTempDir(async (directory) => {
    const host = recordingHost({ env: { GUI_CONTAINER_MOUNTS: directory } }).host;
    await checkMountsRoot(host);
    await checkMountsRoot(recordingHost({ env: { GUI_CONTAINER_MOUNTS: join(directory, "missing") } }).host);
    await Deno.chmod(directory, 0o1777);
    const error = await assertRejects(() => checkMountsRoot(host), UserError, "Everybody");
    assertEquals(error.exitCode, 2);
  });
});

testWith(
  ["setfacl"],
  "checkAclSupport() names a place where no directories can be made or ACLs have no effect, and leaves nothing there",
  () =>
    inTempDir(async (directory) => {
      const check = async (root: string, answer?: Answer): Promise<void> => {
        const { host } = recordingHost({
          env: { GUI_CONTAINER_MOUNTS: root },
          ...(answer && { answer: () => answer }),
        });
        await checkAclSupport(answer ? host : { ...host, run: runProcess }, mountsIn(host, "box"));
      };
      await Deno.writeTextFile(join(directory, "box"), "");
      await assertRefuses(() => check(directory), { code: 1, names: `"${join(directory, "box")}"` });
      for (const root of [join(directory, "box"), join(directory, "box/below"), "/proc/no-such"]) {
        await assertRefuses(() => check(root), { code: 1, names: `"${root}"`, hint: "$GUI_CONTAINER_MOUNTS" });
      }
      const root = join(directory, "new");
      await check(root);
      const noAcls = { code: 1, names: [`"${root}"`, "ACLs"], hint: "$GUI_CONTAINER_MOUNTS" };
      const error = await assertRefuses(() => check(root, { code: 1, stderr: "Operation not supported" }), noAcls);
      assertEquals(error.output, "Operation not supported");
      // As bindfs and sshfs do, which pass ACLs on: the kernel does not look at them.
      await assertRefuses(() => check(root, { code: 0 }), noAcls);
      const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: root } });
      const withUmask0: Host["run"] = async (argv) => {
        const made = join(argv.at(-1)!, "new");
        await Deno.mkdir(made);
        await Deno.chmod(made, 0o777);
        return { argv, code: 0, signal: null, stdout: "", stderr: "" };
      };
      await assertRefuses(() => checkAclSupport({ ...host, run: withUmask0 }, mountsIn(host, "box")), noAcls);
      await check(root);
      assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["box"]);
    }),
);

testWith(
  ["setfacl"],
  "checkAclSupport() passes when another run for the same container ends its check at any step",
  () =>
    inTempDir(async (directory) => {
      const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: directory } });
      const probe = join(directory, ".gui-container-box");
      const end = () => Deno.remove(probe, { recursive: true });
      const mounts = mountsIn(host, "box");
      const before: Host["run"] = async (...call) => {
        await end();
        return runProcess(...call);
      };
      const after: Host["run"] = async (...call) => {
        const result = await runProcess(...call);
        await end();
        return result;
      };
      for (const run of [before, after]) await checkAclSupport({ ...host, run }, mounts);
      assertEquals([...Deno.readDirSync(directory)], []);
    }),
);

Deno.test("mountDevices() shows the two directories, and nothing else of the host", () => {
  const mounts = mountsIn(recordingHost({ env: { GUI_CONTAINER_MOUNTS: "/m" } }).host, "box");
  assertEquals(mountDevices(mounts, { name: "alice", uid: "1234", gid: "100", home: "/srv/alice" }), {
    xpra: { type: "disk", source: "/m/box/xpra", path: "/srv/alice/.xpra" },
    share: { type: "disk", source: "/m/box/share", path: "/srv/alice/share" },
  });
});

Deno.test("makeMounts() tells what it made, and removeMounts() takes just that away", () =>
  inTempDir(async (directory) => {
    const host = recordingHost({ env: { GUI_CONTAINER_MOUNTS: directory } }).host;
    const mounts = mountsIn(host, "box");
    await Deno.mkdir(mounts.share, { recursive: true });
    await Deno.writeTextFile(join(mounts.share, "kept"), "");
    assertEquals(await usedMounts(mounts.shared), mounts.share);
    const made = await makeMounts(host, mounts);
    assertEquals(made, [mounts.ssh, mounts.sockets]);
    await Deno.writeTextFile(join(mounts.sockets, "log"), "");
    await removeMounts(host, made);
    assertEquals([await exists(mounts.sockets), await exists(join(mounts.share, "kept"))], [false, true]);

    const other = mountsIn(host, "other");
    const all = await makeMounts(host, other);
    assertEquals(all, [other.directory, other.ssh, other.sockets, other.share]);
    assertEquals(await usedMounts(other.shared), undefined);
    await removeMounts(host, all);
    assertEquals(await exists(other.directory), false);
    // What is gone already is no failure.
    await removeMounts(host, all);
  }));

Deno.test("makeMounts() makes MOUNTS too, and leaves it", () =>
  inTempDir(async (directory) => {
    const host = recordingHost({ env: { GUI_CONTAINER_MOUNTS: join(directory, "a/b") } }).host;
    await removeMounts(host, await makeMounts(host, mountsIn(host, "box")));
    assertEquals([...Deno.readDirSync(join(directory, "a/b"))], []);
  }));

Deno.test("shareMounts() lets both users read and write in the shared directories, and nobody else", () =>
  inTempDir(async (directory) => {
    const recorded = recordingHost({ env: { GUI_CONTAINER_MOUNTS: directory } });
    const mounts = mountsIn(recorded.host, "box");
    await makeMounts(recorded.host, mounts);
    await shareMounts(recorded.host, { mounts, hostUid: "1001000" });
    assertEquals((await Deno.stat(mounts.share)).mode! & 0o7777, 0o771);

    const me = (await Deno.stat(directory)).uid;
    const entries = `u:1001000:rwx,g::---,m::rwx,o::--x,d:u:${me}:rwx,d:u:1001000:rwx,d:g::---,d:m::rwx,d:o::---`;
    assertEquals(recorded.calls, [["setfacl", "-m", entries, "--", mounts.sockets, mounts.share]]);
  }));

Deno.test("emptyMounts() does not mind a container whose shell succeeds without a word", async () => {
  const { host, calls } = recordingHost();
  const silent: Host = { ...host, run: async (...given) => ({ ...await host.run(...given), stdout: "" }) };
  await emptyMounts(silent, { engine: engineCalled("lxc"), name: "box", status: "Running", config: {} });
  assertEquals(calls[0]?.slice(0, 3), ["lxc", "exec", "box"]);
});
