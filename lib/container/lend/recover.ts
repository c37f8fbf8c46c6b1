/**
 * Takes back abandoned files: those of killed runs, and of sessions that ended while no run showed them. Each run that
 * lends files, or shows a session, does this first.
 */

import { InputError, isFailure, NoEngine, orElse, orNothing, UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import { endOfRun, withDeadline } from "../../base/undo.ts";
import { type Instance, labelOf } from "../../engine/engine.ts";
import { findInstance } from "../../engine/instance.ts";
import { engineOfRecord, scriptLine } from "../address.ts";
import { findOrphans, forgetLoans, readLoans, withJournalLock } from "./journal.ts";
import { takeBackMs, takeFilesBack } from "./lend.ts";
import { type Borrower, isCopy, isLentTo, isMapping, labelOfLoan, type Loan, type TakeBackOptions } from "./loan.ts";
import { runningSessions } from "../sessions.ts";
import { restoreFiles } from "./restore.ts";

/** The time limit for taking back files of killed runs, in milliseconds. */
const maxRecoverMs = 120_000;

/** The maximum size of a copy that a run takes back before it lends files, in bytes. */
const maxRecoverBytes = 64 * 2 ** 20;

/** The error for files that are not taken back in time: they stay on record. */
function tooLate(): UserError {
  return new UserError("Not all files could be taken back in time", { hint: "Try it again: map.ts --unmap" });
}

/** Takes files back at the end of a run, by `act`. A signal does not stop this. */
export async function takeBackAtEnd<T>(
  host: Host,
  { instance: { engine, name }, loans, act }: {
    instance: Instance;
    loans: readonly Loan[];
    act: (cleaner: Host) => Promise<T>;
  },
): Promise<T> {
  const taken = withDeadline(host, { deadlineMs: takeBackMs(loans), late: tooLate(), act }).catch((error) => {
    const line = scriptLine(engine, ["map.ts", "--unmap", labelOf({ engine, name })]);
    if (error instanceof NoEngine) error.hint += `. The files stay lent; to take them back then: ${line}`;
    throw error;
  });
  return await endOfRun(host, taken);
}

/**
 * Takes back the files of killed runs, and of sessions that have ended, before a run lends others. A failure is only a
 * warning.
 */
export async function recoverFirst(host: Host): Promise<void> {
  await recoverQuietly(host, async (host) => [
    ...await findOrphans(host),
    ...await findEnded(host, await readLoans(host)),
  ]);
}

/** Takes back files that are still lent to a session that has ended. A failure is only a warning. */
export async function recoverEnded(host: Host, loans: readonly Loan[]): Promise<void> {
  await recoverQuietly(host, (host) => findEnded(host, loans));
}

function inTime(host: Host, act: (host: Host) => Promise<void>): Promise<void> {
  return withDeadline(host, { deadlineMs: maxRecoverMs, until: host.signal, late: tooLate(), act });
}

async function recoverQuietly(host: Host, find: (host: Host) => Promise<Loan[]>): Promise<void> {
  const act = async (host: Host): Promise<void> => {
    await takeBackRecorded(host, await find(host), { maxBytes: maxRecoverBytes, wasKilled: true });
  };
  await orElse(inTime(host, act), isFailure, (error) => {
    host.signal.throwIfAborted();
    const later = isUnreachable(error) ? error.hint : "Later: map.ts --unmap";
    host.ui.warn(`Files that were lent before cannot be taken back now: ${error.message}. ${later}`);
  });
}

/** Takes back files of any size that killed runs lent to containers that are about to be removed. Ignores failures. */
export async function recoverFrom(host: Host, containers: readonly Borrower[]): Promise<void> {
  const act = async (host: Host): Promise<void> => {
    const lent = (await findOrphans(host)).filter((loan) => isLentTo(loan, containers));
    await takeBackRecorded(host, lent, { wasKilled: true });
  };
  await orNothing(inTime(host, act), isFailure);
}

/** The files that are still lent to sessions that have ended. Skips containers that cannot be asked. */
async function findEnded(host: Host, loans: readonly Loan[]): Promise<Loan[]> {
  const stayed = loans.filter(({ owner, session }) => owner === null && session !== undefined);
  const ended: Loan[] = [];
  for (const group of groupLoans(stayed)) {
    try {
      const found = await findInstance(host, await instanceOfRecord(host, group[0]!));
      const live = found?.status === "Running" ? await runningSessions(host, found) : [];
      if (live) ended.push(...group.filter(({ session }) => !live.includes(session!)));
    } catch (error) {
      // They stay on record.
      if (!isFailure(error)) throw error;
    }
  }
  return ended;
}

/**
 * Takes back files on record from all their containers, and reports findings. An error with one container does not stop
 * the others.
 *
 * @param options `maxBytes`: leaves larger copies, with a warning; `forget`: forgets files of unreachable containers
 * @returns the loans that have ended although their files did not come back
 * @throws the first error, after everything is done
 */
export async function takeBackRecorded(
  host: Host,
  loans: readonly Loan[],
  { maxBytes = Infinity, forget = false, wasKilled = false }: TakeBackOptions & {
    maxBytes?: number;
    forget?: boolean;
  } = {},
): Promise<Loan[]> {
  const options = { wasKilled };
  const lost: Loan[] = [];
  const failures: unknown[] = [];
  const noteFailure = (error: unknown): void => void failures.push(error);
  // First, even if their containers cannot be reached: files on the host may be half written.
  for (const copy of loans.filter(isCopy)) {
    await import("./lent_copies.ts").then(({ finishWriting }) => finishWriting(host, copy, options)).catch(noteFailure);
  }
  const isLarge = (loan: Loan): boolean => isCopy(loan) && (loan.lent?.size ?? 0) > maxBytes;
  for (const { hostPath } of loans.filter(isLarge)) {
    host.ui.warn(`"${hostPath}" is still lent, since it is large. To take it back: map.ts --unmap`);
  }
  const takeBack = async (group: readonly Loan[]): Promise<void> => {
    let instance: Instance | undefined;
    try {
      instance = await instanceOfRecord(host, group[0]!);
      lost.push(...await takeFilesBack(host, instance, group, options));
    } catch (error) {
      if (!isUnreachable(error, instance)) throw error;
      if (!forget) {
        error.hint += `. To forget what was lent: map.ts --unmap --force ${labelOfLoan(group[0]!)}`;
        throw error;
      }
      await forgetAccess(host, group);
      lost.push(...group);
      host.ui.warn(error.message);
    }
  };
  for (const group of groupLoans(loans.filter((loan) => !isLarge(loan)))) await takeBack(group).catch(noteFailure);
  if (failures.length > 0) throw failures[0];
  return lost;
}

/**
 * Whether an error means that a container's server cannot be reached, now or ever.
 *
 * @param instance the container; undefined if finding its server failed: the CLI may no longer have that remote
 */
function isUnreachable(error: unknown, instance?: Instance): error is UserError {
  return error instanceof NoEngine || !instance && error instanceof InputError;
}

/**
 * Removes loans from the journal, and revokes access to files of this machine, even if the container is gone. First
 * completes interrupted writes: the old content is only in the journal.
 */
export async function forgetAccess(host: Host, loans: readonly Loan[]): Promise<void> {
  const copies = loans.filter(isCopy);
  for (const copy of copies) await (await import("./lent_copies.ts")).finishWriting(host, copy, {});
  await withJournalLock(host, () => forgetLoans(host, copies));
  for (const { handed, hostPath } of copies) if (handed) await host.run(["rm", "-f", "--", hostPath]);
  const { failure } = await restoreFiles(host, loans.filter(isMapping), { forget: true });
  if (failure) throw failure;
}

async function instanceOfRecord(host: Host, loan: Loan): Promise<Instance> {
  return { engine: await engineOfRecord(host, loan), name: loan.instance };
}

/** Groups loans by container and by kind. Each group is taken back together. */
function groupLoans(loans: readonly Loan[]): Iterable<Loan[]> {
  return Map.groupBy(loans, (loan) => {
    const { engine, server, instance } = loan;
    return JSON.stringify([engine, server, instance, isCopy(loan)]);
  }).values();
}
