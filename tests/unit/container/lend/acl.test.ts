import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  type Acl,
  formatAcl,
  grant,
  parseAcl,
  type PermissionBits,
  readAcls,
  revoke,
  sameAcl,
  withoutCopiedGrant,
  writeAcls,
} from "../../../../lib/container/lend/acl.ts";
import { realHost } from "../../../../lib/base/host.ts";
import { plain } from "../../mappings.ts";
import { recordingUi } from "../../recording_host.ts";
import { randomNumbers, testWith } from "../../samples.ts";

/** The most that a process can get as this user or group: what acl(5) calls effective. */
function effective({ "m:": mask = 7, ...acl }: Acl): Record<string, PermissionBits> {
  const limited = Object.entries(acl).map((
    [name, bits],
  ) => [name, name === "u:" || name === "o:" ? bits : bits & mask]);
  return Object.fromEntries(limited);
}

/** Random valid ACLs: with named entries there is a mask, without there may be one. Entries in the order of ids. */
function randomAcls(count: number, seed: number): Acl[] {
  const random = randomNumbers(seed);
  const ids = [0, 7, 1000, 100999, 1001000, 4294967294];
  const some = (tag: string): Acl =>
    Object.fromEntries(ids.filter(() => random(3) === 0).map((id) => [`${tag}:${id}`, random(8)]));
  return Array.from({ length: count }, () => {
    const named = { ...some("u"), ...some("g") };
    const hasMask = Object.keys(named).length > 0 || random(2) === 0;
    return { "u:": random(8), "g:": random(8), "o:": random(8), ...named, ...hasMask ? { "m:": random(8) } : {} };
  });
}

/** The ids that this machine has are below this: a container has not all. */
const endOfIds = Math.min(
  ...["uid", "gid"].map((kind) => Number(/(\d+)\s*$/.exec(Deno.readTextFileSync(`/proc/self/${kind}_map`))![1])),
);

/** Whether the user or group of an entry is one that a file of this machine can have. */
function isOfMachine(entry: string): boolean {
  return Number(entry.split(":")[1]) < endOfIds;
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
    "u:": 7,
    "u:7": 2,
    "u:1001000": 5,
    "g:": 4,
    "g:50": 0,
    "m:": 6,
    "o:": 1,
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
  const full = { ...plain, "g:8": 0, "u:7": 7, "m:": 1 };
  assertEquals(formatAcl(full), "u::rw-,u:7:rwx,g::r--,g:8:---,m::--x,o::r--");
});

Deno.test("formatAcl() is the same whatever the order of the entries", () => {
  const one = { ...plain, "u:7": 7, "u:1001000": 6, "g:1": 1, "g:2": 2, "m:": 7 };
  const two = { "m:": 7, "g:2": 2, "g:1": 1, "u:1001000": 6, "u:7": 7, ...plain };
  assertEquals(formatAcl(one), formatAcl(two));
  assert(sameAcl(one, two));
  assert(!sameAcl(one, { ...two, "m:": 6 }));
  assert(!sameAcl(plain, { ...plain, "m:": 4 }));
});

Deno.test("grant() gives the user all of the permissions, through a mask that was smaller or not there", () => {
  for (const acl of acls) {
    for (const uid of uids) {
      for (const permissions of [4, 6]) {
        const granted = grant(acl, [uid, permissions]);
        assertEquals(effective(granted)[`u:${uid}`], permissions, formatAcl(acl));
      }
    }
  }
});

Deno.test("grant() leaves everybody else what they could do before, neither more nor less", () => {
  for (const acl of acls) {
    for (const uid of uids) {
      const { [`u:${uid}`]: _, ...after } = effective(grant(acl, [uid, 6]));
      const { [`u:${uid}`]: __, ...before } = effective(acl);
      assertEquals(after, before, formatAcl(acl));
    }
  }
});

Deno.test("grant() replaces an entry that the user has already, also by less", () => {
  const acl = { ...plain, "u:7": 7, "u:8": 7, "m:": 7 };
  assertEquals(formatAcl(grant(acl, [7, 4])), "u::rw-,u:7:r--,u:8:rwx,g::r--,m::rwx,o::r--");
});

Deno.test("grant() does not change its argument", () => {
  const acl = { ...plain, "u:7": 7, "m:": 1 };
  const before = formatAcl(acl);
  grant(acl, [9, 6]);
  assertEquals(formatAcl(acl), before);
});

Deno.test("revoke() restores the original exactly when nothing was changed meanwhile", () => {
  for (const original of acls) {
    for (const uid of uids) {
      const granted = grant(original, [uid, 6]);
      assertEquals(revoke(granted, { uids: [uid], original, granted }), original, formatAcl(original));
    }
  }
});

Deno.test("revoke() leaves an ACL that is restored already, also with a mask that is wider than needed", () => {
  for (const original of acls) {
    const granted = grant(original, [uids[0]!, 6]);
    assertEquals(revoke(original, { uids: [uids[0]!], original, granted }), original, formatAcl(original));
  }
});

Deno.test("revoke() after a change takes only our entry away, and puts back the one that was there", () => {
  const original = { ...plain, "u:7": 5, "m:": 5 };
  for (const uid of [9, 7]) {
    const granted = grant(original, [uid, 6]);
    const current = { ...granted, "o:": 0 };
    const wanted = "u::rw-,u:7:r-x,g::r--,m::r-x,o::---";
    assertEquals(formatAcl(revoke(current, { uids: [uid], original, granted })), wanted);
  }
});

Deno.test("revoke() keeps an entry that somebody else added meanwhile, under the mask that setfacl would make", () => {
  const granted = grant(plain, [9, 6]);
  const current = { ...granted, "u:8": 4 };
  const revoked = revoke(current, { uids: [9], original: plain, granted });
  assertEquals(formatAcl(revoked), "u::rw-,u:8:r--,g::r--,m::r--,o::r--");
});

Deno.test("revoke() after chmod takes what chmod has taken, and leaves no mask where nothing needs one", () => {
  const granted = grant(plain, [9, 6]);
  // What chmod does to an ACL: owner, mask and other (acl(5)).
  const chmod = (acl: Acl, mode: number): Acl => ({ ...acl, "u:": mode >> 6, "m:": mode >> 3 & 7, "o:": mode & 7 });
  // The group gets no more than it had: chmod has set what the container's entry is limited to.
  for (
    const [mode, text] of [
      [0o600, "u::rw-,g::---,o::---"],
      [0o660, "u::rw-,g::r--,o::---"],
      [0o775, "u::rwx,g::r--,o::r-x"],
    ] as const
  ) {
    assertEquals(formatAcl(revoke(chmod(granted, mode), { uids: [9], original: plain, granted })), text);
  }
});

Deno.test("revoke() leaves an ACL alone of which nothing of ours is left", () => {
  const original = { ...plain, "u:7": 7, "m:": 4 };
  const granted = grant(original, [9, 6]);
  assertEquals(revoke(plain, { uids: [9], original, granted }), plain);
});

Deno.test("revoke() takes the entries of several users away at once", () => {
  for (const original of acls) {
    const granted = grant(grant(original, [5, 4]), [6, 6]);
    assertEquals(revoke(granted, { uids: [5, 6], original, granted }), original);
  }
});

/** What people do to the ACL of a mapped file, and to the mask as setfacl(1) and chmod(1) do. */
function randomChange(acl: Acl, random: (below: number) => number): Acl {
  const named = Object.keys(acl).filter((name) => /^u:\d/.test(name));
  switch (random(5)) {
    case 0:
      return { ...acl, "u:": random(8), "m:": random(8), "o:": random(8) };
    case 1: {
      const changed: Acl = { ...acl, [random(2) ? "u:5" : "u:3000000"]: random(8) };
      const masked = Object.entries(changed).filter(([name]) => !["u:", "m:", "o:"].includes(name));
      return { ...changed, "m:": masked.reduce((all, [, bits]) => all | bits, 0) };
    }
    case 2: {
      const { [named[random(named.length)]!]: _, ...left } = acl;
      return left;
    }
    case 3:
      return { ...acl, "g:": random(8) };
    default:
      return { ...acl, "g:50": random(8) };
  }
}

Deno.test("revoke() after any change leaves everybody what the change left, and the user of the grant nothing", () => {
  const random = randomNumbers(4);
  for (const original of acls) {
    for (const uid of uids) {
      const granted = grant(original, [uid, 6]);
      const current = randomChange(granted, random);
      const revoked = revoke(current, { uids: [uid], original, granted });
      const has = (acl: Acl): boolean => `u:${uid}` in acl;
      const [before, now] = [effective(current), effective(revoked)];
      const told = `${formatAcl(original)}: ${formatAcl(current)} -> ${formatAcl(revoked)}`;
      for (const [who, permissions] of Object.entries(now)) {
        if (who === `u:${uid}`) assertEquals(permissions & ~effective(original)[who]!, 0, told);
        else assertEquals(permissions, before[who], `${who}: ${told}`);
      }
      assertEquals(has(revoked), has(current) && has(original), told);
      assert("m:" in revoked || Object.keys(revoked).length === 3, told);
    }
  }
});

Deno.test("withoutCopiedGrant() takes out of a new file what an editor has copied of the grant", () => {
  for (const original of acls) {
    const granted = grant(original, [101000, 6]);
    const made = { uids: [101000], original, granted };
    assertEquals(withoutCopiedGrant(granted, made), original);
    // Only the mode was copied: its group bits were the mask.
    const mode = { "u:": granted["u:"]!, "g:": granted["m:"]!, "o:": granted["o:"]! };
    assertEquals(withoutCopiedGrant(mode, made)["g:"], original["m:"] ?? original["g:"]);
    const other = { ...mode, "o:": mode["o:"] ^ 1 };
    assertEquals(withoutCopiedGrant(other, made), other);
  }
});

testWith(
  ["getfacl", "setfacl"],
  "writeAcls() and readAcls() agree with the kernel, and grant() and revoke() leave no trace",
  async () => {
    const host = realHost({ ui: recordingUi().ui, signal: new AbortController().signal, verbose: false });
    const directory = await Deno.makeTempDir();
    try {
      // What a path can do to a command line: it starts with a dash, holds quotes, a newline.
      const path = join(directory, `-n "it's"\n$x`);
      const originals = randomAcls(60, 3).filter((acl) => Object.keys(acl).every(isOfMachine));
      assert(originals.length > 10);
      const paths = await Promise.all(originals.map(async (_, index) => {
        const copy = `${path}${index}`;
        await Deno.writeTextFile(copy, "");
        return copy;
      }));
      const write = async (acls: readonly Acl[]): Promise<void> =>
        assertEquals(
          (await writeAcls(host, acls.map((acl, index) => [paths[index]!, acl]))).filter(Boolean),
          [],
        );
      const modes = (): (number | null)[] => paths.map((path) => Deno.statSync(path).mode);
      await write(originals);
      assertEquals(await readAcls(host, paths), originals);
      const before = modes();
      for (const uid of [7, 101000]) {
        const granted = originals.map((original) => grant(original, [uid, 6]));
        await write(granted);
        const current = await readAcls(host, paths);
        assert(current.every((acl, index) => sameAcl(acl, granted[index]!)));
        await write(
          current.map((acl, index) =>
            revoke(acl, { uids: [uid], original: originals[index]!, granted: granted[index]! })
          ),
        );
        assertEquals(await readAcls(host, paths), originals);
        assertEquals(modes(), before);
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
