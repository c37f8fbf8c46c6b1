/** What `map.ts --doctor` looks at besides what all scripts need. */

import type { Finding } from "../cli/doctor.ts";
import type { Host } from "../base/host.ts";
import { readRecords, withJournalLock } from "./journal.ts";
import { findOrphans } from "./unmap.ts";

/** Whether runs that have ended have left files mapped: killed ones, and those whose engine failed. */
export async function checkLeftovers(host: Host): Promise<Finding[]> {
  // The lock makes the journal's directory, which a look must not.
  if ((await readRecords(host)).length === 0) return [];
  const { orphans } = await withJournalLock(host, () => findOrphans(host));
  if (orphans.length === 0) return [];
  return [{
    verdict: "risk",
    what: "A run of map.ts has ended and left files in a container",
    mend: "map.ts --recover",
  }];
}
