/** `create.ts --doctor`. */

import { dirname } from "@std/path";
import { checkContainers, checkEngine, checkPrograms, checkRuntime } from "../cli/checks.ts";
import { diagnose, type Finding } from "../cli/doctor.ts";
import { UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { checkAclSupport, mountsOf } from "../container/mounts.ts";

/** Checks what create.ts needs. Returns the exit code. */
export async function diagnoseCreate(host: Host, wanted: string | undefined): Promise<number> {
  const checks = [
    checkRuntime,
    checkEngine,
    ...checkPrograms("create"),
    checkAcls,
    checkContainers,
  ];
  return await diagnose(host, { wanted, checks });
}

/** Whether ACLs can be set where create.ts makes its directories. */
export async function checkAcls(host: Host): Promise<Finding[]> {
  const mounts = mountsOf(host, "doctor");
  try {
    await checkAclSupport(host, mounts);
    return [{ verdict: "ok", what: `ACLs can be set in ${dirname(mounts.directory)}` }];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ verdict: "broken", what: error.message, hint: error.hint }];
  }
}
