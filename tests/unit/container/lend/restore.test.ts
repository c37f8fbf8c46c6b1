// What becomes of mapped files when their mappings end: the plan from values alone, then on real files.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ProcessError } from "../../../../lib/base/errors.ts";
import { type Host, realHost } from "../../../../lib/base/host.ts";
import { type Acl, formatAcl, grant, parseAcl } from "../../../../lib/container/lend/acl.ts";
import { withGrants } from "../../../../lib/container/lend/grants.ts";
import { type FileState, holdFile } from "../../../../lib/container/lend/held_file.ts";
import { readMappings, withJournalLock, writeRecords } from "../../../../lib/container/lend/journal.ts";
import { type Mapping } from "../../../../lib/container/lend/loan.ts";
import { restoreFiles, takeSteps } from "../../../../lib/container/lend/restore.ts";
import {
  type FoundFile,
  type ObservedFile,
  planRestore,
  type RestoreStep,
} from "../../../../lib/container/lend/restore_plan.ts";
import { containerUid, entries, plain, sampleMapping } from "../../mappings.ts";
import { recordingHost, recordingUi } from "../../recording_host.ts";
import { testWith } from "../../samples.ts";

/** The user. */
const me = 1000;

/** An inode as it was found: the one of `one`, with the ACL that was set, where nothing else is said. */
function found(
  { ino, bornMs, dev, mode, granted }: Mapping,
  { acl = granted, ...state }: Partial<FileState> & { acl?: Acl | Error } = {},
): FoundFile {
  const values = {
    isFile: () => true,
    isDirectory: () => false,
    dev,
    ino,
    bornMs,
    mode,
    uid: me,
    gid: me,
    nlink: 1,
    size: 4,
    mtimeMs: 0,
    ...state,
  };
  return { handle: `/proc/1/fd/${values.ino}`, state: values, acl };
}

/** A mapped file whose inode is where it was. */
function inPlace(mapping: Mapping, change: Parameters<typeof found>[1] = {}): ObservedFile {
  return { mapping, file: found(mapping, change), replacement: undefined };
}

/** A mapped file that is gone, with another one in its place. */
function replaced(mapping: Mapping, acl: Acl | Error): ObservedFile {
  return { mapping, file: undefined, replacement: found(mapping, { ino: 6, bornMs: 60, acl }) };
}

/** All that a plan comes to, if each change can be made. */
function summary(steps: readonly RestoreStep[]): { changes: string[]; findings: string[]; done: string[] } {
  return {
    changes: steps.flatMap(({ change }) => change ? [`${change[0]} ${formatAcl(change[1])}`] : []),
    findings: steps.flatMap(({ findings }) => findings),
    done: steps.flatMap(({ done }) => done.map(({ id }) => id)),
  };
}

function plan(records: readonly Mapping[], files: readonly ObservedFile[], ownUid = me): ReturnType<typeof summary> {
  return summary(planRestore(records, { files, ownUid }));
}

Deno.test("planRestore() gives an untouched file the ACL that it had, and says nothing", () => {
  const one = sampleMapping({ original: { ...plain, users: entries([7, 7]), mask: 4 } });
  assertEquals(plan([one], [inPlace(one)]), {
    changes: ["/proc/1/fd/5 u::rw-,u:7:rwx,g::r--,m::r--,o::r--"],
    findings: [],
    done: ["map-1"],
  });
});

Deno.test("planRestore() changes nothing where the ACL is what it was already", () => {
  const one = sampleMapping();
  assertEquals(plan([one], [inPlace(one, { acl: plain })]), { changes: [], findings: [], done: ["map-1"] });
});

Deno.test("planRestore() takes only our entry out of an ACL that was changed meanwhile, and says so", () => {
  const one = sampleMapping();
  const acl = { ...one.granted, users: entries([8, 4], [containerUid, 6]) };
  assertEquals(plan([one], [inPlace(one, { acl })]), {
    changes: ["/proc/1/fd/5 u::rw-,u:8:r--,g::r--,m::r--,o::r--"],
    findings: ['The permissions of "/d/file" were changed meanwhile; only the container\'s entry was removed'],
    done: ["map-1"],
  });
});

Deno.test("planRestore() says when a set-ID bit was lost, not when it was never there", () => {
  for (
    const [before, now, isTold] of [[0o4755, 0o755, true], [0o2755, 0o755, true], [0o4755, 0o4755, false]] as const
  ) {
    const one = sampleMapping({ mode: before });
    const { changes, findings } = plan([one], [inPlace(one, { mode: now })]);
    assertEquals(changes, ["/proc/1/fd/5 u::rw-,g::r--,o::r--"]);
    assertEquals(
      findings,
      isTold ? ['"/d/file" has lost a set-ID bit: Linux clears it when an unprivileged process writes to it'] : [],
    );
  }
});

Deno.test("planRestore() tells how to find a file that is gone, and is done with it", () => {
  const one = sampleMapping();
  const { changes, findings, done } = plan([one], [{ mapping: one, file: undefined, replacement: undefined }]);
  assertEquals([changes, done], [[], ["map-1"]]);
  assertEquals(findings, [
    'The file that was lent as "/d/file" is not there any more. If it was moved, end its loan there: ' +
    "find DIRECTORY -inum 5 -exec setfacl -x u:1001000 {} +",
  ]);
});

Deno.test("planRestore() says that a file which this run holds was deleted, and has nothing to do", () => {
  const one = sampleMapping();
  assertEquals(plan([one], [inPlace(one, { nlink: 0 })]), {
    changes: [],
    findings: ['The file that was lent as "/d/file" is deleted'],
    done: ["map-1"],
  });
});

Deno.test("planRestore() counts a file as lost that is deleted or somebody else's, and no other", () => {
  const one = sampleMapping();
  const isLost = (observed: ObservedFile): boolean[] =>
    planRestore([one], { files: [observed], ownUid: me }).filter(({ done }) => done.length > 0)
      .map(({ isLost = false }) => isLost);
  assertEquals(isLost(inPlace(one)), [false]);
  assertEquals(isLost({ ...replaced(one, plain), file: found(one) }), [false]);
  for (const observed of [replaced(one, plain), inPlace(one, { nlink: 0 }), inPlace(one, { uid: me + 1 })]) {
    assertEquals(isLost(observed), [true]);
  }
});

Deno.test("planRestore() leaves a file of somebody else alone and says so, unless it is asked by root", () => {
  const one = sampleMapping();
  const given = [inPlace(one, { uid: 5 })];
  assertEquals(plan([one], given), {
    changes: [],
    findings: [
      '"/d/file" belongs to somebody else now, who can remove the container\'s entry: setfacl -x u:1001000 FILE',
    ],
    done: ["map-1"],
  });
  assertEquals(plan([one], given, 0), {
    changes: ["/proc/1/fd/5 u::rw-,g::r--,o::r--"],
    findings: [],
    done: ["map-1"],
  });
});

Deno.test("planRestore() takes a copied grant out of a file that has replaced a mapped one", () => {
  const one = sampleMapping();
  const { changes, findings } = plan([one], [replaced(one, one.granted)]);
  assertEquals(changes, ["/proc/1/fd/6 u::rw-,g::r--,o::r--"]);
  assertEquals(
    findings.slice(1),
    [
      '"/d/file" was replaced meanwhile; the copy of the container\'s permissions was removed from the new file',
    ],
  );
});

Deno.test("planRestore() lets only the change of a replacement fail", () => {
  const one = sampleMapping();
  const both = { ...replaced(one, one.granted), file: found(one) };
  const changes = planRestore([one], { files: [both], ownUid: me }).filter(({ change }) => change);
  assertEquals(changes.map(({ change, isOptional = false }) => [change![0], isOptional]), [
    ["/proc/1/fd/6", true],
    ["/proc/1/fd/5", false],
  ]);
});

Deno.test("planRestore() takes the mask out of a copied mode, whose group bits it was", () => {
  const one = sampleMapping();
  const { changes, findings } = plan([one], [replaced(one, { ...plain, group: 6 })]);
  assertEquals(changes, ["/proc/1/fd/6 u::rw-,g::r--,o::r--"]);
  assertStringIncludes(findings[1]!, "was removed from the new file");
});

Deno.test("planRestore() leaves a file alone that has replaced a mapped one and has no copy of its permissions", () => {
  const one = sampleMapping();
  for (const acl of [plain, { ...plain, user: 7, group: 6 }, { ...plain, users: entries([7, 6]), mask: 6 }]) {
    const { changes, findings } = plan([one], [replaced(one, acl)]);
    assertEquals(changes, []);
    assertEquals(findings, [
      '"/d/file" was replaced meanwhile; "box" had the old file, which is not there any more. ' +
      "If it was moved, end its loan there: find DIRECTORY -inum 5 -exec setfacl -x u:1001000 {} +",
    ]);
  }
  const both = { ...replaced(one, plain), file: found(one) };
  assertEquals(plan([one], [both]).findings, [
    '"/d/file" was replaced meanwhile; the file that is there now was not lent',
  ]);
});

Deno.test("planRestore() restores a file that was replaced and is still there under another name, too", () => {
  const one = sampleMapping();
  const both = { ...replaced(one, one.granted), file: found(one) };
  const { changes, findings, done } = plan([one], [both]);
  assertEquals(changes.sort(), ["/proc/1/fd/5 u::rw-,g::r--,o::r--", "/proc/1/fd/6 u::rw-,g::r--,o::r--"]);
  assertEquals([findings.length, done], [1, ["map-1"]]);
});

Deno.test("planRestore() leaves a file alone that has replaced a mapped one and is mapped itself", () => {
  const [old, now] = [sampleMapping(), sampleMapping({ id: "map-2", ino: 6, bornMs: 60 })];
  const { changes, findings } = plan([old, now], [replaced(old, now.granted)]);
  assertEquals([changes, findings.length], [[], 1]);
});

Deno.test("planRestore() says nothing of a replacement whose ACL cannot be read", () => {
  const one = sampleMapping();
  const { changes, findings, done } = plan([one], [replaced(one, new Error("getfacl failed"))]);
  assertEquals([changes, findings.length, done], [[], 1, ["map-1"]]);
});

Deno.test("planRestore() handles a file that has replaced one of two mappings once", () => {
  const first = sampleMapping();
  const second = sampleMapping({ id: "map-2", others: [first] });
  const acl = second.granted;
  const { changes, findings, done } = plan([first, second], [replaced(first, acl), replaced(second, acl)]);
  assertEquals(changes, ["/proc/1/fd/6 u::rw-,g::r--,o::r--"]);
  assertEquals([findings.filter((text) => text.includes("was removed from")).length, done], [1, ["map-1", "map-2"]]);
});

/** Two mappings of one inode, made one after the other, by their users and whether these may write. */
const pairs: readonly [Partial<Mapping>, Partial<Mapping>][] = [
  [{ uid: 1001000 }, { uid: 2001000 }],
  [{ uid: 1001000 }, { uid: 2001000, readOnly: true }],
  [{ uid: 1001000, readOnly: true }, { uid: 1001000 }],
  [{ uid: 1001000 }, { uid: 1001000, readOnly: true }],
];

const originals = [plain, { ...plain, users: entries([7, 7], [2001000, 1]), mask: 4 }];

Deno.test("planRestore() ends mappings of one inode together in one step", () => {
  for (const original of originals) {
    for (const [one, two] of pairs) {
      const first = sampleMapping({ ...one, original });
      const second = sampleMapping({ ...two, id: "map-2", original, others: [first] });
      const acl = second.granted;
      assertEquals(plan([first, second], [inPlace(first, { acl }), inPlace(second, { acl })]), {
        changes: [`/proc/1/fd/5 ${formatAcl(original)}`],
        findings: [],
        done: ["map-1", "map-2"],
      });
    }
  }
});

Deno.test("planRestore() ends mappings of one inode one after the other: the one that stays keeps its grant", () => {
  for (const original of originals) {
    for (const [one, two] of pairs) {
      const first = sampleMapping({ ...one, original });
      const second = sampleMapping({ ...two, id: "map-2", original, others: [first] });
      for (const [ending, staying] of [[first, second], [second, first]] as const) {
        const between = withGrants(original, [staying]);
        const granted = second.granted;
        assertEquals(plan([first, second], [inPlace(ending, { acl: granted })]), {
          changes: formatAcl(between) === formatAcl(granted) ? [] : [`/proc/1/fd/5 ${formatAcl(between)}`],
          findings: [],
          done: [ending.id],
        });
        assertEquals(plan([staying], [inPlace(staying, { acl: between })]), {
          changes: [`/proc/1/fd/5 ${formatAcl(original)}`],
          findings: [],
          done: [staying.id],
        });
      }
    }
  }
});

Deno.test("planRestore() does nothing for a mapping that another run has ended", () => {
  const [one, other] = [sampleMapping(), sampleMapping({ id: "map-2", ino: 9 })];
  assertEquals(plan([other], [inPlace(one)]), { changes: [], findings: [], done: [] });
});

Deno.test("planRestore() is done with a file that is restored and only waits for its id to go", () => {
  const one = sampleMapping();
  for (const observed of [inPlace(one), replaced(one, one.granted)]) {
    assertEquals(plan([{ ...one, restored: true }], [observed]), { changes: [], findings: [], done: ["map-1"] });
  }
});

Deno.test("planRestore() does not count the grant of a mapping that is restored already", () => {
  const one = sampleMapping();
  const waits = { ...sampleMapping({ id: "map-2", uid: 2001000 }), restored: true };
  assertEquals(plan([one, waits], [inPlace(one)]).changes, ["/proc/1/fd/5 u::rw-,g::r--,o::r--"]);
});

Deno.test("planRestore() keeps a file on record whose ACL cannot be read, and plans for the others", () => {
  const [one, two] = [sampleMapping(), sampleMapping({ id: "map-2", ino: 6 })];
  const failure = new Error("getfacl failed");
  const steps = planRestore([one, two], { files: [inPlace(one, { acl: failure }), inPlace(two)], ownUid: me });
  assertEquals(summary(steps), { changes: ["/proc/1/fd/6 u::rw-,g::r--,o::r--"], findings: [], done: ["map-2"] });
  assertEquals(steps.flatMap(({ failure }) => failure ?? []), [failure]);
});

/** A host whose `setfacl` fails for one file. */
function failingFor(path: string): ReturnType<typeof recordingHost> {
  return recordingHost({ answer: (argv) => ({ code: argv.includes(path) ? 1 : 0 }) });
}

const step = (name: string): RestoreStep => ({
  change: [`/${name}`, plain],
  findings: [`${name} is changed`],
  done: [sampleMapping({ id: name })],
});

Deno.test("takeSteps() makes all changes by one call", async () => {
  const { host, calls } = recordingHost();
  const { done, findings, failure } = await takeSteps(host, [step("a"), step("b"), { findings: ["c"], done: [] }]);
  const set = ["--set", "u::rw-,g::r--,o::r--"];
  assertEquals(calls, [["setfacl", ...set, "/a", ...set, "/b"]]);
  assertEquals(done.map(({ id }) => id), ["a", "b"]);
  assertEquals([findings, failure], [["a is changed", "b is changed", "c"], undefined]);
});

Deno.test("takeSteps() makes the others when one change fails, and tells the failure", async () => {
  const { host } = failingFor("/b");
  const { done, findings, failure } = await takeSteps(host, [step("a"), step("b"), step("c")]);
  assertEquals(done.map(({ id }) => id), ["a", "c"]);
  assertEquals(findings, ["a is changed", "c is changed"]);
  assert(failure instanceof ProcessError, String(failure));
});

Deno.test("takeSteps() says nothing of an optional change that fails", async () => {
  const { host } = failingFor("/b");
  const { done, findings, failure } = await takeSteps(host, [step("a"), { ...step("b"), isOptional: true }]);
  assertEquals([done.length, findings, failure], [1, ["a is changed"], undefined]);
});

Deno.test("takeSteps() is not done with a step that cannot be taken", async () => {
  const unreadable = new Error("getfacl failed");
  const { host } = recordingHost();
  const { done, failure } = await takeSteps(host, [{ failure: unreadable, findings: [], done: [] }, step("b")]);
  assertEquals([done.map(({ id }) => id), failure], [["b"], unreadable]);
});

/** The real outside, with a journal of its own; how `setfacl` and `getfacl` see a file; a directory for files. */
async function withFiles(test: (world: { host: Host; directory: string }) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    const real = realHost({ ui: recordingUi().ui, signal: new AbortController().signal, verbose: false });
    const host = { ...real, env: (name: string) => name === "XDG_STATE_HOME" ? join(root, "state") : undefined };
    const directory = join(root, "files");
    await Deno.mkdir(directory);
    await test({ host, directory });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function aclOf(host: Host, path: string): Promise<string> {
  return formatAcl(parseAcl((await host.run(["getfacl", "-cnpE", "--", path])).stdout));
}

/** Makes a file and maps it: its record and its ACL, no id. */
async function mapByHand(host: Host, path: string, id: string): Promise<Mapping> {
  await Deno.writeTextFile(path, "text");
  await Deno.chmod(path, 0o644);
  const file = (await holdFile(path))!;
  const { dev, ino, bornMs } = file.stat();
  file.close();
  const one = sampleMapping({ id, hostPath: path, dev, ino, bornMs });
  await withJournalLock(host, () => writeRecords(host, [one]));
  await host.run(["setfacl", "-m", `u:${containerUid}:rw-`, "--", path]);
  assertEquals(await aclOf(host, path), formatAcl(grant(plain, [containerUid, 6])));
  return one;
}

testWith(
  ["getfacl", "setfacl", "stat"],
  "restoreFiles() restores files in place, moved in their directory and replaced, and forgets them",
  async () => {
    await withFiles(async ({ host, directory }) => {
      const path = (name: string): string => join(directory, name);
      const mapped: Mapping[] = [];
      for (const name of ["-it's\nin place", "moved", "copied", "gone"]) {
        mapped.push(await mapByHand(host, path(name), `map-${mapped.length}`));
      }
      await Deno.rename(path("moved"), path("other name"));
      await host.run(["cp", "--preserve=all", path("copied"), path("copy")]);
      await Deno.rename(path("copy"), path("copied"));
      await Deno.remove(path("gone"));
      const { done, findings, failure } = await restoreFiles(host, mapped, { forget: true });
      assertEquals([done.length, failure, await readMappings(host)], [4, undefined, []]);
      for (const name of ["-it's\nin place", "other name", "copied"]) {
        assertEquals(await aclOf(host, path(name)), formatAcl(plain), name);
      }
      assertEquals(findings.map((text) => /^(.*?)[.;]/s.exec(text)![1]), [
        `"${path("copied")}" was replaced meanwhile`,
        `"${path("copied")}" was replaced meanwhile`,
        `The file that was lent as "${path("gone")}" is not there any more`,
      ]);
    });
  },
);

testWith(
  ["getfacl", "setfacl", "stat"],
  "restoreFiles() restores the others when the directory of one has become a link to itself, or a file",
  async () => {
    await withFiles(async ({ host, directory }) => {
      const mapped: Mapping[] = [];
      for (const name of ["loop", "file", "kept"]) {
        await Deno.mkdir(join(directory, name));
        mapped.push(await mapByHand(host, join(directory, name, "it"), `map-${name}`));
      }
      await Deno.remove(join(directory, "loop"), { recursive: true });
      await Deno.symlink("loop", join(directory, "loop"));
      await Deno.remove(join(directory, "file"), { recursive: true });
      await Deno.writeTextFile(join(directory, "file"), "");
      const { done, findings, failure } = await restoreFiles(host, mapped, { forget: true });
      assertEquals([done.length, findings.length, failure], [3, 2, undefined]);
      assertEquals(await aclOf(host, join(directory, "kept", "it")), formatAcl(plain));
    });
  },
);

testWith(["getfacl", "setfacl", "stat"], "restoreFiles() keeps what it cannot restore on record", async () => {
  await withFiles(async ({ host, directory }) => {
    const [one, two] = [
      await mapByHand(host, join(directory, "one"), "map-1"),
      await mapByHand(host, join(directory, "two"), "map-2"),
    ];
    // The file "one" is held by this process; a setfacl that fails for it alone.
    const file = (await holdFile(join(directory, "one")))!;
    const failing: Host = {
      ...host,
      run: (argv, options) =>
        argv[0] === "setfacl" && argv.includes(file.handle)
          ? Promise.reject(new ProcessError({ argv, code: 1, signal: null, stdout: "", stderr: "" }))
          : host.run(argv, options),
    };
    const { done, failure } = await restoreFiles(failing, [{ ...one, file }, two], { forget: true });
    assertEquals([done.map(({ id }) => id), failure instanceof ProcessError], [["map-2"], true]);
    assertEquals((await readMappings(host)).map(({ id }) => id), ["map-1"]);
    assertEquals(await aclOf(host, join(directory, "two")), formatAcl(plain));
    const again = await restoreFiles(host, [{ ...one, file }, two], { forget: false });
    assertEquals([again.done.map(({ id }) => id), again.failure], [["map-1"], undefined]);
    assertEquals((await readMappings(host)).map(({ id, restored }) => [id, restored]), [["map-1", true]]);
    assertEquals(await aclOf(host, join(directory, "one")), formatAcl(plain));
    file.close();
  });
});
