import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { basename, join } from "@std/path";
import { UserError } from "../../../../lib/base/errors.ts";
import { type Host, realHost } from "../../../../lib/base/host.ts";
import { readMappings, withJournalLock, writeRecords } from "../../../../lib/container/lend/journal.ts";
import { isWritten, keepLastVersions } from "../../../../lib/container/lend/last_version.ts";
import { takeBackMs } from "../../../../lib/container/lend/lend.ts";
import type { Mapping, TakeBackOptions } from "../../../../lib/container/lend/loan.ts";
import { unmapFiles } from "../../../../lib/container/lend/mappings.ts";
import { engineCalled } from "../../../../lib/engine/engine.ts";
import { sampleMapping } from "../../mappings.ts";
import { type Answer, recordingHost } from "../../recording_host.ts";
import { testWith } from "../../samples.ts";

Deno.test("isWritten() compares the time of the last change, in whatever zone, and takes what is no time for later", () => {
  const since = Date.UTC(2026, 0, 2, 3, 4, 5, 123) + 0.4567;
  const found = (time: string): string => `4 66 5 ${time} 2026-01-02 03:04:05.000000000 +0000`;
  assertEquals(isWritten(found("2026-01-02 03:04:05.123456789 +0000"), since), false);
  assertEquals(isWritten(found("2026-01-02 04:04:05.123456789 +0100"), since), false);
  assertEquals(isWritten(found("2026-01-02 03:04:05.124000000 +0000"), since), true);
  assertEquals(isWritten(found("2026-01-01 23:04:06.000000000 -0400"), since), true);
  // Programs that are not GNU's may write fewer digits, or none.
  assertEquals(isWritten(found("2026-01-02 03:04:05.1 +0000"), since), false);
  assertEquals(isWritten(found("2026-01-02 03:04:05.2 +0000"), since), true);
  assertEquals(isWritten(found("2026-01-02 03:04:05 +0000"), since), false);
  for (const time of ["", "-", "9999-99-99 99:99:99.9 +0000"]) assertEquals(isWritten(found(time), since), true, time);
});

Deno.test("a container that does not give its last version of a deleted file does not stay in its way", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(directory, "gui-container/mappings"), { recursive: true });
    const found = { name: "box", status: "Running", config: {}, expanded_devices: {} };
    const { host, calls } = recordingHost({
      env: { XDG_STATE_HOME: directory },
      answer: (argv) => argv[1] === "query" ? { stdout: JSON.stringify(found) } : { stdout: "no such line" },
    });
    const instance = { engine: engineCalled("lxc"), name: "box" };
    const mapping = sampleMapping({ hostPath: join(directory, "gone") });
    const { findings: [finding], stuck } = await keepLastVersions(host, instance, [mapping]);
    assertEquals(stuck, []);
    assertMatch(finding!, /^"box" does not send its version of ".*gone", which is lost: /);
    assertEquals([...Deno.readDirSync(join(directory, "gui-container/mappings"))], []);
    // Nothing is asked for what cannot have been changed, or is here.
    calls.length = 0;
    await Deno.writeTextFile(join(directory, "here"), "");
    const { dev, ino, birthtime } = await Deno.stat(join(directory, "here"));
    const here = { hostPath: join(directory, "here"), dev, ino: ino!, bornMs: birthtime?.getTime() ?? null };
    await keepLastVersions(host, instance, [{ ...mapping, readOnly: true }, sampleMapping(here)]);
    assertEquals(calls, []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

interface Unmapping {
  /** Takes back two files: one that is gone, and one that is here. */
  unmap(options?: TakeBackOptions): Promise<string[]>;
  /** The directory of the journal. */
  journal: string;
  gone: Mapping;
  /** What is still on record, with whether its ACL is restored. */
  left(): Promise<[id: string, restored: boolean][]>;
  /** The ACL of the file that is here. */
  acl(): Promise<string>;
}

/** Two files on record, one of them deleted, and an engine; `exec` is a program in place of all in the container. */
async function withUnmapping(
  { answer, exec = ["false"] }: { answer: Answer; exec?: string[] },
  test: (unmapping: Unmapping) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const recorded = recordingHost({ answer: () => answer });
  const around = (real: Host): Host => ({
    ...real,
    env: (name) => name === "XDG_STATE_HOME" ? directory : undefined,
    run: async (argv, options) => {
      if (argv[0] !== "lxc") return await real.run(argv, options);
      return await (argv[1] === "exec" ? real.run(exec, options) : recorded.host.run(argv, options));
    },
    forCleanup: (signal) => around(real.forCleanup(signal)),
  });
  const { signal, ui } = recorded.host;
  const host = around(realHost({ ui, signal, verbose: false }));
  try {
    const path = join(directory, "here");
    await Deno.writeTextFile(path, "", { mode: 0o644 });
    const { dev, ino, birthtime } = await Deno.stat(path);
    const history = { name: "box" };
    const here = sampleMapping({
      id: "map-2",
      hostPath: path,
      dev,
      ino: ino!,
      bornMs: birthtime?.getTime() ?? null,
      history,
    });
    await host.run(["setfacl", "-m", `u:${here.uid}:rw`, path]);
    const gone = sampleMapping({ hostPath: join(directory, "gone"), size: 10 ** 10, history });
    await withJournalLock(host, () => writeRecords(host, [gone, here]));
    await test({
      gone,
      journal: join(directory, "gui-container/mappings"),
      async unmap(options) {
        const found: string[] = [];
        const tell = (finding: string): void => void found.push(finding);
        await unmapFiles(host, { engine: engineCalled("lxc"), name: "box" }, [gone, here], { ...options, tell });
        return found;
      },
      left: async () => (await readMappings(host)).map(({ id, restored = false }) => [id, restored]),
      acl: async () => (await host.run(["getfacl", "-cnpE", "--", path])).stdout,
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const running = { stdout: JSON.stringify({ name: "box", status: "Running", config: {}, expanded_devices: {} }) };

testWith(
  ["getfacl", "setfacl"],
  "a container that never gives a last version loses it, and all files of the loan",
  async () => {
    const { timeout } = AbortSignal;
    const asked: number[] = [];
    try {
      AbortSignal.timeout = (ms) => {
        asked.push(ms);
        return timeout(50);
      };
      await withUnmapping({ answer: running, exec: ["sleep", "60"] }, async ({ unmap, left, acl, gone }) => {
        const findings = await unmap();
        assertMatch(
          findings.join("\n"),
          /"box" does not send its version of ".*gone", which is lost: it took too long/,
        );
        assertEquals([await left(), (await acl()).includes("user:1")], [[], false]);
        assert(asked[0]! > 30_000 && asked[0]! < takeBackMs([gone]), String(asked));
      });
    } finally {
      AbortSignal.timeout = timeout;
    }
  },
);

testWith(["getfacl", "setfacl"], "where a last version cannot be kept, that file alone stays lent", async () => {
  await withUnmapping({ answer: running }, async ({ unmap, left, acl, journal, gone }) => {
    // In the way of what comes.
    await Deno.mkdir(join(journal, `${gone.id}.part`));
    await assertRejects(() => unmap(), Deno.errors.IsADirectory);
    await assertRejects(() => unmap(), Deno.errors.IsADirectory);
    const history = await Deno.readTextFile(join(journal, "../history/box/file.jsonl"));
    const back = history.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(back.map(({ what, path, changed }) => [what, basename(path), changed]), [["back", "here", true]]);
    assertEquals([await left(), (await acl()).includes("user:1")], [[[gone.id, false]], false]);
  });
});

testWith(
  ["getfacl", "setfacl"],
  "while the engine does not answer, ACLs are restored, and what may have a last version stays on record",
  async () => {
    for (const wasKilled of [false, true]) {
      const answer = { code: 1, stderr: "Error: dial unix /x/unix.socket: connect: connection refused" };
      await withUnmapping({ answer }, async ({ unmap, left, acl, gone }) => {
        await assertRejects(() => unmap({ wasKilled }), UserError, "LXD does not answer");
        assertEquals((await acl()).includes("user:1"), false, "the container cannot open the file any more");
        assertEquals((await left()).sort(), [[gone.id, false], ["map-2", true]]);
      });
    }
  },
);
