/** The check that only `create.ts --doctor` makes. */

import { dirname } from "@std/path";
import type { Finding } from "../cli/doctor.ts";
import { UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { checkAclSupport, mountsOf } from "../container/mounts.ts";

/** Whether ACLs can be set where create.ts makes its directories. */
export async function checkAcls(host: Host): Promise<Finding[]> {
  const mounts = mountsOf(host, "doctor");
  try {
    await checkAclSupport(host, mounts);
    return [{ verdict: "ok", what: `ACLs can be set in ${dirname(mounts.directory)}` }];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ verdict: "broken", what: error.message, mend: error.hint }];
  }
}
