// Directories that are a container's of the other engine, or of another project: they are neither removed nor shared.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type Address, addressOf } from "../../../lib/container/address.ts";
import { type Host, realHost } from "../../../lib/base/host.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { copyFiles, readLoans, withJournalLock, writeRecords } from "../../../lib/container/lend/journal.ts";
import { checkExisting } from "../../../lib/create/existing.ts";
import { removeContainer } from "../../../lib/create/remove.ts";
import { engineCalled, type EngineCli } from "../../../lib/engine/engine.ts";
import { sha256 } from "../../../lib/engine/image.ts";
import { ownServer, type Server } from "../../../lib/engine/server.ts";
import type { Mounts } from "../../../lib/container/paths.ts";
import { exists } from "../../../lib/base/files.ts";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import { sampleMapping } from "../mappings.ts";
import { type Answer, type RecordingHost, recordingHost } from "../recording_host.ts";
import { testWith } from "../samples.ts";

const gone: Answer = { code: 1, stderr: "Error: not found\n" };

/** Runs `test` with directories of "box", which that engine has in a project, and this machine's server of LXD. */
async function withOwner(
  { cli, server = ownServer, name = "box" }: { cli: EngineCli | undefined; server?: Server; name?: string },
  test: (
    world: { host: Host; address: Address; mounts: Mounts; recorded: RecordingHost },
  ) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    const share = { type: "disk", source: join(home, "container_mounts/box/share"), path: "/home/ubuntu/share" };
    const box = { name, config: { "user.gui-container": "1" }, devices: { share }, expanded_devices: { share } };
    const recorded = recordingHost({
      env: { HOME: home },
      answer: ([program, command, path]) => {
        if (command !== "query") return {};
        if (/\/instances\?/.test(path!)) return { stdout: JSON.stringify(program === cli ? [box] : []) };
        if (/\/operations/.test(path!)) return { stdout: "{}" };
        return gone;
      },
    });
    const address = addressOf(recorded.host, { engine: { ...engineCalled("lxc"), server }, name: "box" });
    const { mounts } = address;
    await Deno.mkdir(mounts.share, { recursive: true });
    if (cli && !server.isLocal) {
      const record = { engine: cli, server: { remote: "big", project: "default" }, user: "", location: "none" };
      await Deno.writeTextFile(join(mounts.directory, "container.json"), JSON.stringify(record));
    }
    await test({ host: recorded.host, address, mounts, recorded });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const cases: [string, EngineCli, Server][] = [
  ["the other engine", "incus", ownServer],
  ["another project", "lxc", { ...ownServer, project: "user-1000" }],
  ["the other engine's remote of that name", "incus", { remote: "big", project: undefined, isLocal: false }],
];

for (const [where, cli, server] of cases) {
  Deno.test(`removeContainer() and checkExisting() leave the directories of a container of ${where} alone`, async () => {
    await withOwner({ cli, server }, async ({ host, address, mounts, recorded }) => {
      for (const force of [false, true]) {
        const error = await assertRejects(
          () => removeContainer(host, address, { force, recovered: false }),
          UserError,
          "another container",
        );
        assertStringIncludes(error.message, cli === "incus" ? "of Incus" : "of LXD");
      }
      await assertRejects(
        () => checkExisting(host, address),
        UserError,
        "another container",
      );
      assert(await exists(mounts.share));
      assertEquals(recorded.calls.filter(([, command]) => command !== "query"), []);
    });
  });
}

Deno.test("checkExisting() and removeContainer() say which container it is whose directories they leave alone, if it was renamed", async () => {
  await withOwner({ cli: "lxc", name: "old-box" }, async ({ host, address }) => {
    for (
      const act of [
        () => checkExisting(host, address),
        () => removeContainer(host, address, { force: true, recovered: false }),
      ]
    ) {
      const error = await assertRejects(act, UserError, '"old-box", of LXD');
      assertStringIncludes(error.hint, 'If it was called "box", rename it back; ');
    }
  });
});

Deno.test("removeContainer() touches nothing of a container that the engine protects", async () => {
  const home = await Deno.makeTempDir();
  const engineWith = (own: Record<string, string>, profile: Record<string, string>): RecordingHost =>
    recordingHost({
      env: { HOME: home },
      answer: ([, , path]) => ({
        stdout: JSON.stringify(
          path!.startsWith("/1.0/instances")
            ? { name: "box", status: "Running", config: own, devices: {}, expanded_devices: {} }
            : { config: profile, devices: {}, used_by: [] },
        ),
      }),
    });
  const on = { "security.protection.delete": "true" };
  const remove = ({ host }: RecordingHost): Promise<string[]> => {
    const address = addressOf(host, { engine: engineCalled("lxc"), name: "box" });
    return removeContainer(host, address, { force: true, recovered: false });
  };
  try {
    for (const [own, profile] of [[on, {}], [{}, on]] as const) {
      const recorded = engineWith(own, profile);
      const error = await assertRejects(() => remove(recorded), UserError, "protected");
      assertEquals(error.hint, "To allow it: lxc config set box security.protection.delete=false");
      assertEquals(recorded.calls.filter(([, command]) => command !== "query"), []);
    }
    assertEquals(await remove(engineWith({ "security.protection.delete": "false" }, on)), ["container", "profile"]);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("removeContainer() and checkExisting() leave directories alone whose owner the other engine does not tell", async () => {
  await withOwner({ cli: undefined }, async ({ host, address, mounts }) => {
    const answers = (stderr: string): Host => ({
      ...host,
      run: (argv, options) =>
        argv[0] === "incus"
          ? Promise.reject(new ProcessError({ argv, code: 1, signal: null, stdout: "", stderr }))
          : host.run(argv, options),
    });
    const refusal = answers("Sorry, home directories outside of /home needs configuration");
    await assertRejects(
      () => removeContainer(refusal, address, { force: true, recovered: false }),
      UserError,
      "of Incus share is not known",
    );
    await assertRejects(() => checkExisting(refusal, address), UserError, "of Incus share is not known");
    assert(await exists(mounts.share));
    const stopped = answers("Error: unix.socket: connect: connection refused");
    assertEquals(await removeContainer(stopped, address, { force: true, recovered: false }), [mounts.directory]);
  });
});

Deno.test("removeContainer() removes directories that are no container's, by force", async () => {
  await withOwner({ cli: undefined }, async ({ host, address, mounts }) => {
    const remove = (force: boolean): Promise<string[]> => removeContainer(host, address, { force, recovered: false });
    await assertRejects(() => remove(false), UserError, "directories");
    assertEquals(await remove(true), [mounts.directory]);
    assert(!await exists(mounts.directory));
  });
});

Deno.test("removeContainer() removes a container where there can be no menu", async () => {
  await withOwner({ cli: undefined }, async ({ host, address, mounts }) => {
    const env = (name: string): string | undefined => name === "XDG_DATA_HOME" ? "/a,b" : host.env(name);
    assertEquals(await removeContainer({ ...host, env }, address, { force: true, recovered: false }), [
      mounts.directory,
    ]);
  });
});

/** Runs `test` with a file of the user's, and a host on which "box" is a container of LXD's that does not run. */
async function withLent(
  test: (world: { host: Host; file: string; calls: string[][]; remove(force: boolean): Promise<string[]> }) => Promise<
    void
  >,
): Promise<void> {
  const home = await Deno.realPath(await Deno.makeTempDir());
  try {
    const box = { name: "box", status: "Stopped", config: { "user.gui-container": "1" }, devices: {} };
    const { host: recorded, calls } = recordingHost({
      env: { HOME: home },
      answer: ([, command, path]) =>
        command !== "query" || path === "/1.0/instances/box"
          ? { stdout: JSON.stringify({ ...box, expanded_devices: {} }) }
          : gone,
    });
    const real = realHost({ ui: recorded.ui, signal: recorded.signal, verbose: false });
    const host: Host = {
      ...recorded,
      run: (argv, options) =>
        /^(?:[gs]etfacl|stat|cp)$/.test(argv[0]!) ? real.run(argv, options) : recorded.run(argv, options),
      forCleanup: () => host,
    };
    const file = join(home, "letter.odt");
    await Deno.writeTextFile(file, "lent", { mode: 0o644 });
    const address = addressOf(host, { engine: engineCalled("lxc"), name: "box" });
    const remove = (force: boolean): Promise<string[]> => removeContainer(host, address, { force, recovered: false });
    await test({ host, file, calls, remove });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("removeContainer() refuses while a copy of a file has not come back, and by force forgets it", async () => {
  await withLent(async ({ host, file, calls, remove }) => {
    const { original: _, granted: _granted, uid: _uid, ...record } = sampleMapping({ hostPath: file });
    const copy = { ...record, user: "ubuntu:1000:1000:/home/ubuntu", lent: { size: 4, sha256: "" }, maxBytes: 1_000 };
    const others = [
      { ...copy, id: "map-2", instance: "box-2" },
      { ...copy, id: "map-3", engine: "incus" },
    ];
    await withJournalLock(host, () => writeRecords(host, [copy, ...others, { ...copy, id: "map-4", readOnly: true }]));
    const error = await assertRejects(() => remove(false), UserError, `"${file}"`);
    assertEquals(error.exitCode, 1);
    assertStringIncludes(error.hint, "map.ts --unmap box.");
    assertEquals(calls.filter(([, command]) => command !== "query"), []);
    assertEquals(await remove(true), ["container"]);
    assertEquals((await readLoans(host)).map(({ id }) => id).sort(), ["map-2", "map-3"]);
  });
});

Deno.test("removeContainer() ends the writing of a copy to its file that was cut off, before it forgets the copy", async () => {
  await withLent(async ({ host, file, remove }) => {
    const { dev, ino, birthtime } = await Deno.stat(file);
    const { original: _, granted: _granted, uid: _uid, ...record } = sampleMapping({
      hostPath: file,
      dev,
      ino: ino!,
      bornMs: birthtime?.getTime() ?? null,
    });
    const lent = { size: 4, sha256: await sha256("lent") };
    const copy = { ...record, user: "ubuntu:1000:1000:/home/ubuntu", lent, maxBytes: 1_000 };
    const { old, back } = copyFiles(host, copy);
    await withJournalLock(host, () => writeRecords(host, [copy]));
    await Deno.writeTextFile(old, "lent");
    await Deno.writeTextFile(back, "changed in the container");
    await Deno.writeTextFile(file, "chan");
    assertEquals(await remove(true), ["container"]);
    assertEquals(await Deno.readTextFile(file), "changed in the container");
    assertEquals(await readLoans(host), []);
  });
});

testWith(
  ["getfacl", "setfacl"],
  "removeContainer() takes back files that are lent themselves: no entry in an ACL stays, and no record",
  async () => {
    await withLent(async ({ host, file, remove }) => {
      const { dev, ino, birthtime } = await Deno.stat(file);
      await runProcess(["setfacl", "-m", "u:1001000:rw-", file]);
      const mapping = sampleMapping({ hostPath: file, dev, ino: ino!, bornMs: birthtime?.getTime() ?? null });
      await withJournalLock(host, () => writeRecords(host, [mapping]));
      assertEquals(await remove(false), ["container"]);
      const { stdout } = await runProcess(["getfacl", "-cnpE", file]);
      assertEquals(stdout.trim(), "user::rw-\ngroup::r--\nother::r--");
      assertEquals(await readLoans(host), []);
    });
  },
);

testWith(
  ["getfacl"],
  "removeContainer() by force leaves a file for the next run that cannot be taken back now",
  async () => {
    await withLent(async ({ host, file, remove }) => {
      const { dev, ino, birthtime } = await Deno.stat(file);
      const mapping = sampleMapping({ hostPath: file, dev, ino: ino!, bornMs: birthtime?.getTime() ?? null });
      await withJournalLock(host, () => writeRecords(host, [mapping]));
      const { run } = host;
      const failed = { code: 1, signal: null, stdout: "", stderr: "setfacl: Read-only file system" };
      const granted = "user::rw-\nuser:1001000:rw-\ngroup::r--\nmask::rw-\nother::r--\n";
      host.run = (argv, options) =>
        argv[0] === "setfacl"
          ? Promise.reject(new ProcessError({ ...failed, argv }))
          : argv[0] === "getfacl"
          ? Promise.resolve({ argv, code: 0, signal: null, stdout: granted, stderr: "" })
          : run(argv, options);
      await assertRejects(() => remove(false), ProcessError);
      assertEquals(await remove(true), ["container"]);
      assertEquals((await readLoans(host)).length, 1);
    });
  },
);
