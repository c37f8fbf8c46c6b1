/** Unmapping files: their devices are removed, then their ACLs are restored. */

import { delay } from "@std/async";
import { settleMs } from "../base/record.ts";
import type { Engine } from "../engine/engine.ts";
import { hasDevices, removeMapDevices } from "./devices.ts";
import { removeRecords, withJournalLock } from "./journal.ts";
import { finishUnmap } from "./open_files.ts";
import { type MappedFile, restoreFiles } from "./restore.ts";

/**
 * Unmaps files of one container. What cannot be done now stays on record for the next time.
 *
 * @param options `settle`: the run that mapped them was killed; the engine may be adding their devices just now
 * @returns what was found that the user should know
 */
export async function unmapFiles(
  engine: Engine,
  mapped: readonly MappedFile[],
  { settle = false }: { settle?: boolean } = {},
): Promise<string[]> {
  if (mapped.length === 0) return [];
  const mappings = mapped.map(({ mapping }) => mapping);
  const { instance } = mappings[0]!;
  const devices = mappings.map(({ id }) => id);
  if (settle && !await hasDevices({ engine, name: instance }, devices)) await delay(settleMs);
  const engineFailure: Error | undefined = await removeMapDevices({ engine, name: instance }, devices)
    .then(() => undefined, (error) => error);
  // Also when the devices are still there: without the ACLs the container cannot open the files any more.
  const { done, failure, findings } = await restoreFiles(engine.host, mapped, { forget: false });
  if (engineFailure ?? failure) {
    for (const finding of findings) engine.host.ui.warn(finding);
    throw engineFailure ?? failure;
  }
  const open = await finishUnmap({ engine, name: instance }, mappings);
  // Only now: Incus 7.0.2 leaves every mount point to us, and the next run removes what an interrupted one has not.
  await withJournalLock(engine.host, () => removeRecords(engine.host, done));
  return [
    ...findings,
    ...open.map(({ containerPath, programs }) =>
      `${
        programs.join(", ")
      } in "${instance}" still has "${containerPath}" open, and keeps access until it closes the file`
    ),
  ];
}
