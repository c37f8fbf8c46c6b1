/** Files of runs that were killed: each run that lends files takes them back first. */

import { ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { findOrphans, forgetRuns, withJournalLock } from "./journal.ts";
import { isCopy, type LentCopy, type Loan } from "./loan.ts";
import { takeBackRecorded } from "./take_back.ts";

/** How long a run waits at most for files of killed runs to be taken back, in milliseconds. */
const maxRecoverMs = 120_000;

/** The largest copy that a run takes back before it lends files, in bytes. */
const maxRecoverBytes = 64 * 2 ** 20;

/** Takes the files back before a run lends others. If that cannot be done now, the user is told. */
export async function recoverFirst(host: Host): Promise<void> {
  try {
    const act = (host: Host): Promise<Loan[]> => recover(host, { maxBytes: maxRecoverBytes });
    await withDeadline(host, { deadlineMs: maxRecoverMs, until: host.signal, act });
  } catch (error) {
    host.signal.throwIfAborted();
    if (!(error instanceof UserError || error instanceof ProcessError)) throw error;
    host.ui.warn(
      `Files that a killed run has lent cannot be taken back now: ${error.message}. Later: map.ts --unmap`,
    );
  }
}

/**
 * Takes back the files of runs that were killed.
 *
 * @param options `maxBytes`: larger copies are left, with a warning
 * @returns what was lent
 */
export async function recover(host: Host, { maxBytes = Infinity }: { maxBytes?: number } = {}): Promise<Loan[]> {
  if (host.dryRun) return [];
  const { orphans, dead } = await withJournalLock(host, () => findOrphans(host));
  const isLarge = (loan: Loan): loan is LentCopy => isCopy(loan) && (loan.lent?.size ?? 0) > maxBytes;
  for (const copy of orphans.filter(isLarge)) {
    const { finishWriting } = await import("./copies.ts");
    for (const finding of await finishWriting(host, copy, { settle: true })) host.ui.warn(finding);
    host.ui.warn(`A killed run has lent "${copy.hostPath}", which is large. To take it back: map.ts --unmap`);
  }
  const loans = orphans.filter((loan) => !isLarge(loan));
  await takeBackRecorded(host, loans, { settle: true });
  await forgetRuns(host, dead);
  return loans;
}

/**
 * Takes files back by `act`, whose programs are ended after a while, or when `until` aborts. What is not taken back
 * then stays on record.
 */
export async function withDeadline<T>(
  host: Host,
  { deadlineMs, until, act }: { deadlineMs: number; until?: AbortSignal; act: (host: Host) => Promise<T> },
): Promise<T> {
  const over = new AbortController();
  const timer = setTimeout(() => {
    over.abort(
      new UserError("The files could not all be taken back in time", { hint: "Try it again: map.ts --unmap" }),
    );
  }, deadlineMs);
  try {
    return await act(host.forCleanup(AbortSignal.any([over.signal, ...(until ? [until] : [])])));
  } finally {
    clearTimeout(timer);
  }
}
