/** What a dry run prints: the commands that lend files, and that take them back. */

import type { Host } from "../base/host.ts";
import { readArgv, removeArgv, sendArgv } from "../container/lend/copy_transfer.ts";
import { deviceOf } from "../container/lend/mappings.ts";
import { copyFiles } from "../container/lend/journal.ts";
import type { LentCopy, Loan } from "../container/lend/loan.ts";
import { checkFiles, newPath } from "../container/lend/source_file.ts";
import { type EngineOptions, findAddress } from "../container/address.ts";
import { sharedByMounts } from "../container/source_path.ts";
import { formatUser, plannedUser } from "../container/user.ts";
import type { Instance } from "../engine/engine.ts";
import { exec, removeDevices, updateInstance } from "../engine/instance.ts";
import { missingArgument } from "./prompter.ts";

/**
 * Prints the commands that lend files to a container, and take them back.
 *
 * @throws {UserError} exit code 2 for a file that cannot be lent, and where one of the words is missing
 */
export async function planLending(
  host: Host,
  { words: [word, ...files], readOnly, ...options }: EngineOptions & { words: readonly string[]; readOnly: boolean },
): Promise<void> {
  if (word === undefined) throw missingArgument("NAME");
  if (files.length === 0) throw missingArgument("FILE...");
  const instance = await findAddress(host, { word, ...options });
  // Whose they are is not looked at: to find out who the user is makes a directory.
  const checked = await checkFiles(files, { shared: await sharedByMounts(host) });
  const paths = checked.map(({ path }) => path);
  const loans = paths.map((hostPath) => ({ ...newPath(hostPath, plannedUser), hostPath, readOnly }));
  if (instance.engine.server.isLocal) {
    const uid = "<HOST_UID>";
    await host.run(["setfacl", "-m", `u:${uid}:${readOnly ? "r--" : "rw-"}`, "--", ...paths]);
    const devices = Object.fromEntries(loans.map((loan) => [loan.id, deviceOf(loan)]));
    await updateInstance(host, instance, { devices });
    return await planTakingBack(host, instance, loans.map((loan) => ({ ...loan, uid })));
  }
  const copies = loans.map((loan) => ({ ...loan, user: formatUser(plannedUser), lent: { size: 0, sha256: "" } }));
  for (const copy of copies) {
    const stdin = { bytes: new ReadableStream<Uint8Array>(), from: copy.hostPath };
    await exec(host, instance, sendArgv(copy), { stdin });
  }
  await planTakingBack(host, instance, copies);
}

/** As much of a loan as the plan needs. */
export type PlannedLoan =
  & Pick<Loan, "id" | "hostPath" | "containerPath" | "readOnly">
  & ({ uid: number | string } | Pick<LentCopy, "user" | "lent">);

/** Prints the commands that take files back from one container. */
export async function planTakingBack(host: Host, instance: Instance, loans: readonly PlannedLoan[]): Promise<void> {
  const mappings = loans.filter((loan) => "uid" in loan);
  if (mappings.length > 0) await removeDevices(host, instance, mappings.map(({ id }) => id));
  for (const { hostPath, uid } of mappings) await host.run(["setfacl", "-x", `u:${uid}`, "--", hostPath]);
  for (const copy of loans.filter((loan) => "lent" in loan)) {
    const { hostPath } = copy;
    if (copy.lent && !copy.readOnly) {
      await exec(host, instance, readArgv(copy, { size: "<SIZE>", sha256: "<SHA256>" }));
      await host.run(["cp", "--no-target-directory", "--", copyFiles(host, copy).back, hostPath]);
    }
    await exec(host, instance, removeArgv(copy, ""));
  }
}
