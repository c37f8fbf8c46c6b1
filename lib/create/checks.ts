/** What `create.ts --doctor` looks at besides what all scripts need. */

import type { Finding } from "../cli/doctor.ts";
import { UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { checkAclSupport, mountsOf } from "../container/mounts.ts";

/** Whether there can be ACLs where create puts the directories. */
export async function checkAcls(host: Host): Promise<Finding[]> {
  const mounts = mountsOf(host, "doctor");
  const place = mounts.directory.slice(0, -"/doctor".length);
  try {
    await checkAclSupport(host, mounts);
    return [{ verdict: "ok", what: `ACLs can be set in ${place}` }];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ verdict: "broken", what: error.message, mend: error.hint }];
  }
}
