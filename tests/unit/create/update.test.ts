import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { isClaimed, lockFile } from "../../../lib/base/lock.ts";
import { withJournalLock, writeRecords } from "../../../lib/container/lend/journal.ts";
import { UserError } from "../../../lib/base/errors.ts";
import type { Host } from "../../../lib/base/host.ts";
import { updateNamed } from "../../../lib/create/update.ts";
import { sampleMapping } from "../mappings.ts";
import { type Answer, type RecordingHost, recordingHost } from "../recording_host.ts";

/** The outside of a run that updates the container "box", which is stopped. */
function stoppedBox(
  root: string,
  answer: (line: string) => Answer | undefined,
  env: Record<string, string> = {},
): RecordingHost {
  const instance = {
    name: "box",
    status: "Stopped",
    location: "none",
    devices: {},
    config: { "user.gui-container": "1" },
    expanded_devices: { eth0: { type: "nic" }, root: { type: "disk", path: "/", pool: "default" } },
  };
  return recordingHost({
    env: { GUI_CONTAINER_MOUNTS: root, ...env },
    answer(argv) {
      const text = argv.join(" ");
      return answer(text) ??
        { stdout: /recursion=1$/.test(text) && !/box/.test(text) ? "[]" : JSON.stringify(instance) };
    },
  });
}

function update(host: Host, words = ["box"]): Promise<number> {
  return updateNamed(host, { words, engineOptionsOf: () => Promise.resolve({ engine: "incus" }) });
}

Deno.test("where a stopped container cannot be started to be updated, it is said why", async () => {
  const root = await Deno.makeTempDir();
  const { host, said } = stoppedBox(
    root,
    (text) =>
      /"action": ?"start"|\bstart\b/.test(text)
        ? { code: 1, stderr: 'Error: Missing source path "/gone"\n' }
        : /"action": ?"stop"|\bstop\b/.test(text)
        ? { code: 1, stderr: "Error: The instance is already stopped\n" }
        : undefined,
  );
  try {
    const error = await assertRejects(() => update(host), UserError, 'software of "box"');
    assertEquals(error.output, 'Error: Missing source path "/gone"');
    assertEquals(said.filter((line) => line.startsWith("warn: ")), []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("where a container that was started to be updated cannot be stopped, the user is told", async () => {
  const root = await Deno.makeTempDir();
  const { host, said } = stoppedBox(
    root,
    (text) =>
      /"action": ?"stop"|\bstop\b/.test(text)
        ? { code: 1, stderr: "Error: It hangs\n" }
        : /\/bin\/sh/.test(text)
        ? { code: 100, stderr: "No packages\n" }
        : undefined,
  );
  try {
    const error = await assertRejects(() => update(host), UserError, 'software of "box"');
    assertEquals(error.output, "No packages");
    assertEquals(said.filter((line) => line.startsWith("warn: ")).length, 1, said.join("\n"));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("where the disk of one container is full, the others are updated", async () => {
  const root = await Deno.makeTempDir();
  const full = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  const { host, said } = stoppedBox(root, (text) => /\bfull\b/.test(text) ? full : undefined);
  try {
    assertEquals(await update(host, ["full", "box"]), 1);
    assertEquals(said.filter((line) => /^(error|result): /.test(line)), [
      "error: No space left on device (os error 28)",
      "result: box: up to date, also in its disposable copies",
    ]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a leftover copy to which a file is lent is left for the run that takes the file back", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const { host, said } = stoppedBox(root, () => undefined, { XDG_STATE_HOME: root });
  try {
    const [lent, unused] = ["box-d00001", "box-d00002"];
    for (const name of [lent, unused]) {
      const record = { source: "box", engine: "incus", server: { remote: "local", project: "default" } };
      await Deno.mkdir(join(root, name!));
      await Deno.writeTextFile(join(root, name!, "disposable.json"), JSON.stringify(record));
    }
    await withJournalLock(host, () => writeRecords(host, [sampleMapping({ engine: "incus", instance: lent! })]));
    await update(host);
    const removing = said.filter((line) => /Removing the copy "box-d0000\d"/.test(line));
    assertEquals(removing, [`status: Removing the copy "${unused}"`]);
    assertEquals(await isClaimed(join(root, lent!, "disposable.json")), false);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("without names, the containers of all engines that answer are meant", async () => {
  const root = await Deno.makeTempDir();
  await Deno.mkdir(join(root, "offline"));
  const offline = { name: "offline", status: "Stopped", config: { "user.gui-container": "1" } };
  const { host, said } = stoppedBox(root, (line) => ({
    stdout: /^incus query .*instances\?/.test(line) ? JSON.stringify([offline]) : "[]",
  }));
  try {
    await updateNamed(host, { words: [], engineOptionsOf: () => Promise.resolve({}) });
    assert(said.includes('status: "offline" has no network: it keeps the software that it has'), said.join("\n"));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a snapshot that has lent files in it is told of: restored, it would lend them again", async () => {
  const root = await Deno.makeTempDir();
  const told = async (devices: Record<string, unknown>): Promise<number> => {
    const box = { name: "box", status: "Running", config: { "user.gui-container": "1" }, devices };
    const { host, said } = stoppedBox(
      root,
      (line) =>
        /storage-pools/.test(line)
          ? { stdout: JSON.stringify([{ driver: "btrfs", used_by: ["/1.0/instances/box"] }]) }
          : /instances\/box$/.test(line)
          ? { stdout: JSON.stringify({ ...box, expanded_devices: { eth0: { type: "nic" } } }) }
          : undefined,
    );
    await update(host);
    return said.filter((line) => line.startsWith('warn: Files are lent to "box"')).length;
  };
  try {
    assertEquals([await told({}), await told({ "map-0123456789": { type: "disk" } })], [0, 1]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a container in which a session has been started meanwhile is not stopped after its update", async () => {
  for (const sessions of ["gui-container-firefox\n", ""]) {
    const root = await Deno.makeTempDir();
    const { host, calls, said } = stoppedBox(
      root,
      (text) =>
        /ls \/run\/user/.test(text)
          ? { stdout: sessions }
          : /software|apt-get/.test(text)
          ? { stdout: "0\n" }
          : undefined,
    );
    try {
      await update(host);
      const isStopped = calls.some((argv) => argv[1] === "stop" && argv.at(-1) === "box");
      assertEquals(isStopped, sessions === "", calls.join("\n"));
      assertEquals(said.some((line) => line.includes('"firefox"')), sessions !== "", said.join("\n"));
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  }
});

Deno.test("runs that change the software of one container take turns", async () => {
  const root = await Deno.makeTempDir();
  const { host, calls } = stoppedBox(root, (text) => /software|apt-get/.test(text) ? { stdout: "0\n" } : undefined);
  try {
    await Deno.mkdir(join(root, "box"));
    const { promise: waits, resolve } = Promise.withResolvers<void>();
    const look: Host["look"] = (planned, act) => {
      const looked = host.look(planned, act);
      resolve();
      return looked;
    };
    let done: Promise<number>;
    {
      using _turn = await lockFile(join(root, "box/.software.lock"), { signal: host.signal });
      done = update({ ...host, look });
      await waits;
      await new Promise((resolve) => setTimeout(resolve, 100));
      assertEquals(calls.filter((argv) => argv.includes("start") || argv.includes("exec")), []);
    }
    await done;
    assert(calls.some((argv) => argv.includes("exec")));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
