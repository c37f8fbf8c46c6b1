/**
 * Taking files back, those of this run or those on record: devices are removed, then ACLs are restored; copies are
 * fetched.
 */

import { basename, dirname, join, resolve } from "@std/path";
import { hasDevices, removeMapDevices } from "./devices.ts";
import { finishWriting, takeBackCopies } from "./copies.ts";
import { printTakingBack, printUnmapping } from "./dry_run.ts";
import type { Engine } from "../engine/engine.ts";
import type { Host } from "../base/host.ts";
import {
  type Borrower,
  forgetRuns,
  type LentCopy,
  listRuns,
  type Mapping,
  readCopies,
  readRecords,
  removeRecords,
  withJournalLock,
} from "./journal.ts";
import { engineOfRecord } from "../engine/server_record.ts";
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
  const { done, failure, findings } = await restoreFiles(engine.host, mapped, { forget: false });
  if (engineFailure ?? failure) {
    for (const finding of findings) engine.host.ui.warn(finding);
    throw engineFailure ?? failure;
  }
  const open = await finishUnmap(engine, instance, mappings);
  // Only now: Incus 7.0.2 leaves every mount point to us, and the next run removes what an interrupted one has not.
  await withJournalLock(engine.host, () => removeRecords(engine.host, done));
  return [
    ...findings,
    ...open.map(({ container, programs }) =>
      `${programs.join(", ")} in "${instance}" still has "${container}" open, and keeps access until it closes the file`
    ),
  ];
}

/** Files on record. */
export interface Loans {
  /** Those that are mapped. */
  mappings: Mapping[];
  /** Those that are lent as copies. */
  copies: LentCopy[];
}

/** All files on record. */
export async function readLoans(host: Host): Promise<Loans> {
  return { mappings: await readRecords(host), copies: await readCopies(host) };
}

/**
 * Takes back files that are on record, from all their containers; tells the user what was found. An error with one
 * container does not keep the files of the others from being taken back.
 *
 * @param options see {@linkcode unmapFiles}
 * @throws the first error, when all is done
 */
export async function unmapRecorded(
  host: Host,
  { mappings, copies }: Loans,
  options: { settle?: boolean } = {},
): Promise<void> {
  const failures: unknown[] = [];
  // First, and whether or not their containers can be reached: files here may be torn.
  for (const copy of host.dryRun ? [] : copies) {
    try {
      for (const finding of await finishWriting(host, copy, options)) host.ui.warn(finding);
    } catch (error) {
      failures.push(error);
    }
  }
  const forEach = async <T extends Borrower>(
    loans: readonly T[],
    { print, end }: {
      print: (engine: Engine, loans: readonly T[]) => Promise<void>;
      end: (engine: Engine, loans: readonly T[]) => Promise<string[]>;
    },
  ): Promise<void> => {
    for (const group of Map.groupBy(loans, borrowerKey).values()) {
      try {
        const engine = await engineOfRecord(host, group[0]!);
        if (host.dryRun) await print(engine, group);
        else for (const finding of await end(engine, group)) host.ui.warn(finding);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await forEach(mappings, {
    print: printUnmapping,
    end: (engine, group) => unmapFiles(engine, group.map((mapping) => ({ mapping })), options),
  });
  await forEach(copies, {
    print: printTakingBack,
    end: (engine, group) => takeBackCopies(engine, group, options),
  });
  if (!host.dryRun) await forgetRuns(host, []);
  if (failures.length > 0) throw failures[0];
}

/** What the records of one container have in common. */
function borrowerKey({ engine, server, instance }: Borrower): string {
  return JSON.stringify([engine, server?.remote, server?.project, instance]);
}

/**
 * Takes back the files of runs that were killed.
 *
 * @param options `most`: copies of more bytes than that are left, with a warning
 * @returns what was lent
 */
export async function recover(host: Host, { most = Infinity }: { most?: number } = {}): Promise<Loans> {
  if (host.dryRun) return { mappings: [], copies: [] };
  const { orphans, dead } = await withJournalLock(host, () => findOrphans(host));
  const isLarge = ({ lent }: LentCopy): boolean => (lent?.size ?? 0) > most;
  for (const copy of orphans.copies.filter(isLarge)) {
    for (const finding of await finishWriting(host, copy, { settle: true })) host.ui.warn(finding);
    host.ui.warn(`A killed run has lent "${copy.host}", which is large. To take it back: map.ts --recover`);
  }
  const loans = { mappings: orphans.mappings, copies: orphans.copies.filter((copy) => !isLarge(copy)) };
  await unmapRecorded(host, loans, { settle: true });
  await forgetRuns(host, dead);
  return loans;
}

/**
 * The files whose runs are dead, and these runs. A run that could not remove a device, or fetch a copy, has ended
 * properly, and left a file lent all the same. To be called under the journal's lock.
 */
export async function findOrphans(host: Host): Promise<{ orphans: Loans; dead: string[] }> {
  const { live, dead } = await listRuns(host);
  const { mappings, copies } = await readLoans(host);
  const isOrphan = ({ owner }: Pick<Mapping, "owner">): boolean => owner !== null && !live.includes(owner);
  return { dead, orphans: { mappings: mappings.filter(isOrphan), copies: copies.filter(isOrphan) } };
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
