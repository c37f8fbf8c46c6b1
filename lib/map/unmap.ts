/** Unmapping files, those of this run or those on record: devices are removed, then ACLs are restored. */

import { basename, dirname, join, resolve } from "@std/path";
import { hasDevices, removeMapDevices } from "./devices.ts";
import { printUnmapping } from "./dry_run.ts";
import { chooseEngine, type Engine } from "../engine/engine.ts";
import type { Host } from "../base/host.ts";
import { forgetRuns, listRuns, type Mapping, readRecords, withJournalLock } from "./journal.ts";
import { finishUnmap } from "./open_files.ts";
import { type MappedFile, restoreFiles } from "./restore.ts";

/** How long after a run was killed the engine may still carry out that run's last call, in milliseconds. */
const settleMs = 1_000;

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
  const devices = mappings.map(({ device }) => device);
  if (settle && !await hasDevices(engine, instance, devices)) await new Promise((done) => setTimeout(done, settleMs));
  const engineFailure: Error | undefined = await removeMapDevices(engine, instance, devices)
    .then(() => undefined, (error) => error);
  // Also when the devices are still there: without the ACLs the container cannot open the files any more.
  const { failure, findings } = await restoreFiles(engine.host, mapped, { forget: engineFailure === undefined });
  if (engineFailure ?? failure) {
    for (const finding of findings) engine.host.ui.warn(finding);
    throw engineFailure ?? failure;
  }
  const open = await finishUnmap(engine, instance, mappings);
  return [
    ...findings,
    ...open.map(({ container, programs }) =>
      `${programs.join(", ")} in "${instance}" still has "${container}" open, and keeps access until it closes the file`
    ),
  ];
}

/**
 * Unmaps files that are on record, from all their containers; tells the user what was found. An error with one
 * container does not keep the files of the others from being unmapped.
 *
 * @param options see {@linkcode unmapFiles}
 * @throws the first error, when all is done
 */
export async function unmapRecorded(
  host: Host,
  records: readonly Mapping[],
  options: { settle?: boolean } = {},
): Promise<void> {
  const failures: unknown[] = [];
  for (const [key, mappings] of Map.groupBy(records, ({ engine, instance }) => `${engine} ${instance}`)) {
    const engine = await chooseEngine(host, key.split(" ")[0]);
    if (host.dryRun) {
      await printUnmapping(engine, mappings);
      continue;
    }
    try {
      const findings = await unmapFiles(engine, mappings.map((mapping) => ({ mapping })), options);
      for (const finding of findings) host.ui.warn(finding);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/**
 * Unmaps the files of runs that were killed.
 *
 * @returns their mappings
 */
export async function recover(host: Host): Promise<Mapping[]> {
  if (host.dryRun) return [];
  const { orphans, dead } = await withJournalLock(host, () => findOrphans(host));
  await unmapRecorded(host, orphans, { settle: true });
  await forgetRuns(host, dead);
  return orphans;
}

/**
 * The mappings whose runs are dead, and these runs. A run that could not remove a device has ended properly, and left a
 * mapping all the same. To be called under the journal's lock.
 */
export async function findOrphans(host: Host): Promise<{ orphans: Mapping[]; dead: string[] }> {
  const { live, dead } = await listRuns(host);
  const records = await readRecords(host);
  return { dead, orphans: records.filter(({ owner }) => owner !== null && !live.includes(owner)) };
}

/** The path under which a file was mapped, which may be gone by now: absolute, without symbolic links on the way. */
export async function recordedPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch {
    const directory = await Deno.realPath(dirname(path)).catch(() => resolve(dirname(path)));
    return join(directory, basename(path));
  }
}
