// What is known of a loan by its record.

import { assertEquals } from "@std/assert";
import { isCopyOut, type LentCopy, type Loan } from "../../../../lib/container/lend/loan.ts";
import { sampleMapping } from "../../mappings.ts";

Deno.test("a container may have the only version of a copy that comes back, not of a file that is itself lent", () => {
  const { original: _, granted: __, uid: ___, mode: ____, ...record } = sampleMapping();
  const copy = (changes: Partial<LentCopy>): Loan => ({
    ...record,
    user: "ubuntu:1000:1000:/home/ubuntu",
    lent: { size: 1, sha256: "" },
    maxBytes: 1_000,
    ...changes,
  });
  const loans = {
    mapped: sampleMapping(),
    mappedToRead: sampleMapping({ readOnly: true }),
    copied: copy({}),
    copiedToRead: copy({ readOnly: true }),
    // A read-only copy that an app has been handed, and may keep.
    handed: copy({ readOnly: true, handed: true }),
  };
  const out = Object.entries(loans).filter(([, loan]) => isCopyOut(loan)).map(([name]) => name);
  assertEquals(out, ["copied", "handed"]);
});
