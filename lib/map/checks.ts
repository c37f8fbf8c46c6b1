/** `map.ts --doctor`. */

import { checksOf } from "../cli/checks.ts";
import { diagnose, type Finding, risk } from "../cli/doctor.ts";
import type { Host } from "../base/host.ts";
import { findOrphans, readLoans, withJournalLock } from "../container/lend/journal.ts";

/** Checks what map.ts needs. Returns the exit code. */
export async function diagnoseMap(host: Host, wanted: string | undefined): Promise<number> {
  return await diagnose(host, { wanted, checks: checksOf("map", [checkLeftovers]) });
}

/** Whether runs that have ended have left files mapped: killed ones, and those whose engine failed. */
async function checkLeftovers(host: Host): Promise<Finding[]> {
  // The lock makes the journal's directory, which a look must not.
  if ((await readLoans(host)).length === 0) return [];
  const { orphans } = await withJournalLock(host, () => findOrphans(host));
  if (orphans.length === 0) return [];
  return [risk("A run of map.ts has ended and left files in a container", "map.ts --unmap")];
}
