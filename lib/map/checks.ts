/** What `map.ts --doctor` looks at besides what all scripts need. */

import type { Finding } from "../cli/doctor.ts";
import type { Host } from "../base/host.ts";
import { listRuns } from "./journal.ts";

/** Whether runs that were killed have left files mapped. */
export async function checkLeftovers(host: Host): Promise<Finding[]> {
  const { dead } = await listRuns(host);
  if (dead.length === 0) return [];
  return [{
    verdict: "risk",
    what: "A run of map.ts that was killed has left files in a container",
    mend: "map.ts --recover",
  }];
}
