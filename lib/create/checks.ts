/** `create.ts --doctor`. */

import { dirname } from "@std/path";
import { checksOf } from "../cli/checks.ts";
import { diagnose, type Finding, ok } from "../cli/doctor.ts";
import type { Host } from "../base/host.ts";
import { checkAclSupport, mountsIn } from "../container/mounts.ts";

/** Checks what create.ts needs. Returns the exit code. */
export async function diagnoseCreate(host: Host, wanted: string | undefined): Promise<number> {
  return await diagnose(host, { wanted, checks: checksOf("create", [checkAcls]) });
}

/**
 * Checks that ACLs can be set where create.ts makes its directories.
 *
 * @throws {UserError} when they cannot
 */
export async function checkAcls(host: Host): Promise<Finding[]> {
  const mounts = mountsIn(host, "doctor");
  await checkAclSupport(host, mounts);
  return [ok(`ACLs can be set in ${dirname(mounts.directory)}`)];
}
