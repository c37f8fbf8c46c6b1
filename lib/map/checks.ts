/** What `map.ts --doctor` looks at besides what all scripts need. */

import type { Finding } from "../cli/doctor.ts";
import type { Host } from "../base/host.ts";
import { withJournalLock } from "./journal.ts";
import { findOrphans, type Loans, readLoans } from "./unmap.ts";

/** Whether runs that have ended have left files mapped: killed ones, and those whose engine failed. */
export async function checkLeftovers(host: Host): Promise<Finding[]> {
  // The lock makes the journal's directory, which a look must not.
  if (isNone(await readLoans(host))) return [];
  const { orphans } = await withJournalLock(host, () => findOrphans(host));
  if (isNone(orphans)) return [];
  return [{
    verdict: "risk",
    what: "A run of map.ts has ended and left files in a container",
    mend: "map.ts --recover",
  }];
}

function isNone({ mappings, copies }: Loans): boolean {
  return mappings.length + copies.length === 0;
}
