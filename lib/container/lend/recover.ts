/** Files of runs that were killed: each run that lends files takes them back first. */

import { isFailure, UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import { withDeadline } from "../../base/undo.ts";
import type { Instance } from "../../engine/engine.ts";
import { engineOfRecord } from "../../engine/server_record.ts";
import { findOrphans, forgetRuns, withJournalLock } from "./journal.ts";
import { takeFilesBack } from "./lend.ts";
import { isCopy, type Loan } from "./loan.ts";

/** How long a run waits at most for files of killed runs to be taken back, in milliseconds. */
const maxRecoverMs = 120_000;

/** The largest copy that a run takes back before it lends files, in bytes. */
const maxRecoverBytes = 64 * 2 ** 20;

/** The error when files are not taken back in time: they stay on record. */
export function tooLate(): UserError {
  return new UserError("The files could not all be taken back in time", { hint: "Try it again: map.ts --unmap" });
}

/** Takes the files back before a run lends others. Warns the user if that fails. */
export async function recoverFirst(host: Host): Promise<void> {
  try {
    const act = (host: Host): Promise<void> => recover(host, { maxBytes: maxRecoverBytes });
    await withDeadline(host, { deadlineMs: maxRecoverMs, until: host.signal, late: tooLate(), act });
  } catch (error) {
    host.signal.throwIfAborted();
    if (!isFailure(error)) throw error;
    host.ui.warn(
      `Files that a killed run has lent cannot be taken back now: ${error.message}. Later: map.ts --unmap`,
    );
  }
}

/**
 * Takes back the files of runs that were killed.
 *
 * @param options `maxBytes`: larger copies are left, with a warning
 */
export async function recover(host: Host, options: { maxBytes: number }): Promise<void> {
  const { orphans, dead } = await withJournalLock(host, () => findOrphans(host));
  await takeBackRecorded(host, orphans, { ...options, settle: true });
  await forgetRuns(host, dead);
}

/**
 * Takes back files that are on record, from all their containers; reports what was found. An error with one
 * container does not keep the files of the others from being taken back.
 *
 * @param options `settle`: see {@linkcode takeFilesBack}; `maxBytes`: larger copies are left, with a warning
 * @throws the first error, when all is done
 */
export async function takeBackRecorded(
  host: Host,
  loans: readonly Loan[],
  { maxBytes = Infinity, ...options }: { settle?: boolean; maxBytes?: number } = {},
): Promise<void> {
  const failures: unknown[] = [];
  const attempt = async (act: () => Promise<readonly string[]>): Promise<void> => {
    try {
      for (const finding of await act()) host.ui.warn(finding);
    } catch (error) {
      failures.push(error);
    }
  };
  // First, and whether or not their containers can be reached: files here may be torn.
  for (const copy of loans.filter(isCopy)) {
    await attempt(async () => await (await import("./copies.ts")).finishWriting(host, copy, options));
  }
  const isLarge = (loan: Loan): boolean => isCopy(loan) && (loan.lent?.size ?? 0) > maxBytes;
  for (const { hostPath } of loans.filter(isLarge)) {
    host.ui.warn(`A killed run has lent "${hostPath}", which is large. To take it back: map.ts --unmap`);
  }
  for (const group of groupLoans(loans.filter((loan) => !isLarge(loan)))) {
    await attempt(async () => await takeFilesBack(await instanceOfRecord(host, group[0]!), group, options));
  }
  await forgetRuns(host, []);
  if (failures.length > 0) throw failures[0];
}

/** The container that a file is lent to. */
export async function instanceOfRecord(host: Host, loan: Loan): Promise<Instance> {
  return { engine: await engineOfRecord(host, loan), name: loan.instance };
}

/** What is taken back together: the files of one container that are lent in one way. */
export function groupLoans(loans: readonly Loan[]): Iterable<Loan[]> {
  return Map.groupBy(loans, (loan) => {
    const { engine, server, instance } = loan;
    return JSON.stringify([engine, server?.remote, server?.project, instance, isCopy(loan)]);
  }).values();
}
