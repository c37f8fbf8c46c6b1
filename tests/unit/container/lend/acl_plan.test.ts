// What mappings do to ACLs, and how each file gets its permissions back, whatever has become of it.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Acl, formatAcl } from "../../../../lib/container/lend/acl.ts";
import type { FileState } from "../../../../lib/container/lend/held_file.ts";
import type { Mapping } from "../../../../lib/container/lend/loan.ts";
import {
  type FoundFile,
  isOnRecord,
  type ObservedFile,
  ofInode,
  planGrant,
  planRestore,
  type RestoreStep,
  withGrants,
} from "../../../../lib/container/lend/acl_plan.ts";
import { containerUid as uid, plain, sampleMapping } from "../../mappings.ts";

/** The user. */
const me = 1000;

/** An inode as it was found: the one of `one`, with the ACL that was set, where nothing else is said. */
function found(
  { ino, bornMs, dev, mode, granted }: Mapping,
  { acl = granted, ...state }: Partial<FileState> & { acl?: Acl } = {},
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

/** A mapped file that is gone, with another one in its place. */
function replaced(mapping: Mapping, acl: Acl): ObservedFile {
  return { mapping, file: undefined, replacement: found(mapping, { ino: 6, bornMs: 60, acl }) };
}

/** A mapped file whose inode is where it was. */
function inPlace(mapping: Mapping, change: Parameters<typeof found>[1] = {}): ObservedFile {
  return { mapping, file: found(mapping, change), replacement: undefined };
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
  const one = sampleMapping({ original: { ...plain, "u:7": 7, "m:": 4 } });
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
  const acl = { ...one.granted, "u:8": 4 };
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
    'The file that was lent as "/d/file" no longer exists. If it was moved, end its loan there: ' +
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
  const { changes, findings } = plan([one], [replaced(one, { ...plain, "g:": 6 })]);
  assertEquals(changes, ["/proc/1/fd/6 u::rw-,g::r--,o::r--"]);
  assertStringIncludes(findings[1]!, "was removed from the new file");
});

Deno.test("planRestore() leaves a file alone that has replaced a mapped one and has no copy of its permissions", () => {
  const one = sampleMapping();
  for (const acl of [plain, { ...plain, "u:": 7, "g:": 6 }, { ...plain, "u:7": 6, "m:": 6 }]) {
    const { changes, findings } = plan([one], [replaced(one, acl)]);
    assertEquals(changes, []);
    assertEquals(findings, [
      '"/d/file" was replaced meanwhile; "box" had the old file, which no longer exists. ' +
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

const originals = [plain, { ...plain, "u:7": 7, "u:2001000": 1, "m:": 4 }];

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

const alone = { others: [], replaces: undefined, uid, readOnly: false };

Deno.test("planGrant() keeps the ACL as the original, and adds the container user's entry", () => {
  const { original, granted } = planGrant(plain, alone);
  assertEquals(original, plain);
  assertEquals(formatAcl(granted), "u::rw-,u:1001000:rw-,g::r--,m::rw-,o::r--");
  const readOnly = planGrant(plain, { ...alone, readOnly: true });
  assertEquals(formatAcl(readOnly.granted), "u::rw-,u:1001000:r--,g::r--,m::r--,o::r--");
});

Deno.test("planGrant() gives a file that is mapped already the original of its first mapping, and all grants", () => {
  const first = sampleMapping({ original: { ...plain, "u:7": 7, "m:": 4 } });
  const { original, granted } = planGrant(first.granted, { ...alone, others: [first], uid: 2001000 });
  assertEquals(formatAcl(original), "u::rw-,u:7:rwx,g::r--,m::r--,o::r--");
  assertEquals(formatAcl(granted), "u::rw-,u:7:r--,u:1001000:rw-,u:2001000:rw-,g::r--,m::rw-,o::r--");
});

Deno.test("planGrant() adds up what two mappings permit the same user", () => {
  const writable = sampleMapping();
  const { granted } = planGrant(writable.granted, { ...alone, others: [writable], readOnly: true });
  assertEquals(formatAcl(granted), "u::rw-,u:1001000:rw-,g::r--,m::rw-,o::r--");
});

Deno.test("planGrant() takes what others have changed since the first mapping into the original", () => {
  const first = sampleMapping();
  const current = { ...first.granted, "o:": 0 };
  const { original } = planGrant(current, { ...alone, others: [first] });
  assertEquals(formatAcl(original), "u::rw-,g::r--,o::---");
});

Deno.test("planGrant() does not take a grant for the original that was copied to a replacement", () => {
  const replaces = sampleMapping();
  const copies = [replaces.granted, { ...plain, "g:": 6 }];
  for (const current of copies) assertEquals(planGrant(current, { ...alone, replaces }).original, plain);
});

Deno.test("planRestore() tells whether somebody else has changed the ACL, not whether it is restored already", () => {
  const one = sampleMapping();
  const isChanged = (acl: typeof plain): boolean => {
    const files = [{ mapping: one, file: found(one, { acl }), replacement: undefined }];
    return planRestore([one], { files, ownUid: me }).some(({ findings }) => findings.length > 0);
  };
  assertEquals(isChanged(one.granted), false);
  assertEquals(isChanged(plain), false);
  assertEquals(isChanged({ ...one.granted, "o:": 0 }), true);
});

Deno.test("ofInode() gives the mappings of one inode whose grants are still there", () => {
  const one = sampleMapping();
  const mappings = [one, sampleMapping({ ino: 6 }), sampleMapping({ bornMs: 51 }), { ...one, restored: true }];
  assertEquals(ofInode(mappings, one), [one]);
});

Deno.test("isOnRecord() goes by the id, and leaves out what is restored", () => {
  const [one, two, none] = ["map-1", "map-2", "map-3"].map((id) => sampleMapping({ id }));
  const records = [one!, { ...two!, restored: true }];
  assertEquals([one, two, none].map((each) => isOnRecord(records, each!)), [true, false, false]);
});
