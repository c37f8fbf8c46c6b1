// @ts-types="../../lib/types/std_assert.d.ts"
import { assert, assertEquals, assertThrows } from "@std/assert";
// @ts-types="../../lib/types/std_path.d.ts"
import { join } from "@std/path";
import {
  type Acl,
  formatAcl,
  grant,
  parseAcl,
  type Permissions,
  readAcl,
  revoke,
  sameAcl,
  writeAcl,
} from "../../lib/acl.ts";
import { fromRecord, toRecord } from "../../lib/journal.ts";
import { realHost } from "../../lib/host.ts";
import { recordingUi } from "./recording_host.ts";
import { randomNumbers, testWith } from "./samples.ts";

const plain: Acl = { user: 6, users: new Map(), group: 4, groups: new Map(), mask: undefined, other: 4 };

/** The most that a process can get as this user or group: what acl(5) calls effective. */
function effective(acl: Acl): Record<string, Permissions> {
  const mask = acl.mask ?? 7;
  return {
    "user": acl.user,
    "group": acl.group & mask,
    "other": acl.other,
    ...Object.fromEntries([...acl.users].map(([uid, permissions]) => [`user ${uid}`, permissions & mask])),
    ...Object.fromEntries([...acl.groups].map(([gid, permissions]) => [`group ${gid}`, permissions & mask])),
  };
}

/** Random valid ACLs: with named entries there is a mask, without there may be one. Entries by id, as a kernel keeps them. */
function randomAcls(count: number, seed: number): Acl[] {
  const random = randomNumbers(seed);
  const ids = [0, 7, 1000, 100999, 1001000, 4294967294];
  const some = (): Map<number, Permissions> => new Map(ids.filter(() => random(3) === 0).map((id) => [id, random(8)]));
  return Array.from({ length: count }, () => {
    const [users, groups] = [some(), some()];
    const hasMask = users.size + groups.size > 0 || random(2) === 0;
    return {
      user: random(8),
      users,
      group: random(8),
      groups,
      mask: hasMask ? random(8) : undefined,
      other: random(8),
    };
  });
}

const acls = [plain, ...randomAcls(500, 2)];
/** Below, among and above the ids of the random ACLs, and some that are there. */
const uids = [1, 7, 101000, 1001000, 4294967293];

Deno.test("parseAcl() reads what getfacl prints, and leaves default entries out", () => {
  const text = `user::rwx
user:7:-w-
user:1001000:r-x
group::r--
group:50:---
mask::rw-
other::--x
default:user::rwx
default:user:9:rwx
default:group::---
default:mask::rwx
default:other::---

`;
  assertEquals(parseAcl(text), {
    user: 7,
    users: new Map([[7, 2], [1001000, 5]]),
    group: 4,
    groups: new Map([[50, 0]]),
    mask: 6,
    other: 1,
  });
});

Deno.test("parseAcl() refuses what is no ACL", () => {
  assertThrows(() => parseAcl(""), SyntaxError, "without the entries");
  assertThrows(() => parseAcl("user::rw-\ngroup::r--"), SyntaxError, "without the entries");
  for (
    const line of ["# file: x", "user:joe:rw-", "user::rwX", "user::rw", "user::rw-\t#effective:r--", "flags: -s-"]
  ) {
    assertThrows(() => parseAcl(`user::rw-\n${line}\ngroup::r--\nother::r--`), SyntaxError, line);
  }
});

Deno.test("formatAcl() writes the short form, and a mask only if there is one", () => {
  assertEquals(formatAcl(plain), "u::rw-,g::r--,o::r--");
  const full = { ...plain, users: new Map([[7, 7]]), groups: new Map([[8, 0]]), mask: 1 };
  assertEquals(formatAcl(full), "u::rw-,u:7:rwx,g::r--,g:8:---,m::--x,o::r--");
});

Deno.test("formatAcl() is the same whatever the order of the entries", () => {
  const one = { ...plain, users: new Map([[7, 7], [1001000, 6]]), groups: new Map([[1, 1], [2, 2]]), mask: 7 };
  const two = { ...plain, users: new Map([[1001000, 6], [7, 7]]), groups: new Map([[2, 2], [1, 1]]), mask: 7 };
  assertEquals(formatAcl(one), formatAcl(two));
  assert(sameAcl(one, two));
  assert(!sameAcl(one, { ...two, mask: 6 }));
  assert(!sameAcl(plain, { ...plain, mask: 4 }));
});

Deno.test("grant() gives the user all of the permissions, through a mask that was smaller or not there", () => {
  for (const acl of acls) {
    for (const uid of uids) {
      for (const permissions of [4, 6]) {
        const granted = grant(acl, uid, permissions);
        assertEquals(effective(granted)[`user ${uid}`], permissions, formatAcl(acl));
      }
    }
  }
});

Deno.test("grant() leaves everybody else what they could do before, neither more nor less", () => {
  for (const acl of acls) {
    for (const uid of uids) {
      const { [`user ${uid}`]: _, ...after } = effective(grant(acl, uid, 6));
      const { [`user ${uid}`]: __, ...before } = effective(acl);
      assertEquals(after, before, formatAcl(acl));
    }
  }
});

Deno.test("grant() replaces an entry that the user has already, also by less", () => {
  const acl = { ...plain, users: new Map([[7, 7], [8, 7]]), mask: 7 };
  assertEquals(formatAcl(grant(acl, 7, 4)), "u::rw-,u:7:r--,u:8:rwx,g::r--,m::rwx,o::r--");
});

Deno.test("grant() does not change its argument", () => {
  const acl = { ...plain, users: new Map([[7, 7]]), mask: 1 };
  const before = formatAcl(acl);
  grant(acl, 9, 6);
  assertEquals(formatAcl(acl), before);
});

Deno.test("revoke() restores the original exactly when nothing was changed meanwhile", () => {
  for (const original of acls) {
    for (const uid of uids) {
      const granted = grant(original, uid, 6);
      // As it comes back from the kernel: through text, entries by id.
      assertEquals(revoke(asRead(granted), { uid, original, granted }), original, formatAcl(original));
    }
  }
});

Deno.test("revoke() after a change takes only our entry away, and puts back the one that was there", () => {
  const original = { ...plain, users: new Map([[7, 5]]), mask: 5 };
  for (const [uid, entries] of [[9, "u:7:r-x,"], [7, "u:7:r-x,"]] as const) {
    const granted = grant(original, uid, 6);
    const current = { ...granted, other: 0, users: new Map(granted.users) };
    assertEquals(formatAcl(revoke(current, { uid, original, granted })), `u::rw-,${entries}g::r--,m::rwx,o::---`);
  }
});

Deno.test("revoke() keeps an entry that somebody else added meanwhile", () => {
  const granted = grant(plain, 9, 6);
  const current = { ...granted, users: new Map([[8, 4], ...granted.users]) };
  assertEquals(formatAcl(revoke(current, { uid: 9, original: plain, granted })), "u::rw-,u:8:r--,g::r--,m::rw-,o::r--");
});

Deno.test("an ACL goes to the journal's JSON and back unchanged", () => {
  for (const acl of acls) assertEquals(fromRecord(JSON.parse(JSON.stringify(toRecord(acl)))), acl);
});

testWith(
  ["getfacl", "setfacl"],
  "writeAcl() and readAcl() agree with the kernel, and grant() and revoke() leave no trace",
  async () => {
    const host = realHost({ ui: recordingUi().ui, signal: new AbortController().signal, verbose: false });
    const directory = await Deno.makeTempDir();
    try {
      // What a path can do to a command line: it starts with a dash, holds quotes, a newline.
      const path = join(directory, `-n "it's"\n$x`);
      await Deno.writeTextFile(path, "");
      for (const original of randomAcls(12, 3)) {
        await writeAcl(host, path, original);
        assertEquals(await readAcl(host, path), original);
        const mode = (await Deno.stat(path)).mode;
        for (const uid of [7, 101000]) {
          const granted = grant(original, uid, 6);
          await writeAcl(host, path, granted);
          const current = await readAcl(host, path);
          assert(sameAcl(current, granted));
          await writeAcl(host, path, revoke(current, { uid, original, granted }));
          assertEquals(await readAcl(host, path), original);
          assertEquals((await Deno.stat(path)).mode, mode);
        }
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

/** The same ACL as `getfacl` would print it: named entries by id. */
function asRead(acl: Acl): Acl {
  const sorted = (entries: ReadonlyMap<number, Permissions>): Map<number, Permissions> =>
    new Map([...entries].sort(([a], [b]) => a - b));
  return { ...acl, users: sorted(acl.users), groups: sorted(acl.groups) };
}
