import { assertEquals } from "@std/assert";
import { formatAcl } from "../../../../lib/container/lend/acl.ts";
import { isOnRecord, ofInode, planGrant, planRevoke } from "../../../../lib/container/lend/grants.ts";
import { containerUid as uid, plain, sampleMapping } from "../../mappings.ts";

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

Deno.test("planRevoke() tells whether somebody else has changed the ACL, not whether it is restored already", () => {
  const one = sampleMapping();
  const isChanged = (current: typeof plain): boolean => planRevoke(current, { ending: [one], staying: [] }).isChanged;
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
