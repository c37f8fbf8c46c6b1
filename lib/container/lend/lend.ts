/**
 * Files lent to a container: they themselves, or copies of them. How one was lent stands in its record, and so it comes
 * back.
 */

import type { Host } from "../../base/host.ts";
import { all } from "../../base/promises.ts";
import { withUndo } from "../../base/undo.ts";
import type { Instance } from "../../engine/engine.ts";
import { maxVersionBytes } from "../handed.ts";
import { letStay, lockCopy } from "./journal.ts";
import { isCopy, isMapping, type Loan, type TakeBackOptions } from "./loan.ts";
import { mapFiles, unmapFiles } from "./mappings.ts";
import type { LendOptions, SourceFile } from "./source_file.ts";

/** How long it may take to take files back at the end of a run, in milliseconds. */
const maxTakeBackMs = 60_000;

/** How much longer for each byte of lent copies: as on a link of 2 Mbit/s. */
const msPerByte = 1 / 256;

/** How much longer for one that was handed over, which may have become large: 10 MB/s. */
const maxHandedMs = Math.ceil(maxVersionBytes / 10_000);

/**
 * Lends all of the files, or none.
 *
 * @param options `uid`: that of the container's user on this machine, where files themselves can be lent
 */
export async function lendFiles(
  host: Host,
  files: readonly SourceFile[],
  { uid, ...options }: Omit<LendOptions, "undo"> & { uid: number | string | undefined },
): Promise<Loan[]> {
  const { saving, maxCopiedBytes = -1, history } = options;
  const isCopied = ({ state }: SourceFile): boolean =>
    uid === undefined || saving !== undefined || state.size <= maxCopiedBytes;
  const copied = files.filter(isCopied);
  const others = files.filter((file) => !isCopied(file));
  const lent = await withUndo(host, async (undo) => [
    ...(copied.length > 0 ? await (await copies()).lendCopies(host, copied, { ...options, undo }) : []),
    ...(others.length > 0 ? await mapFiles(host, others, { ...options, undo, uid: uid! }) : []),
  ]);
  for (const { hostPath: path, readOnly } of lent) {
    history?.add({ kind: "file", what: "lent", path, readOnly: readOnly && !options.handed });
  }
  return lent;
}

/**
 * Lets files stay lent when the run that has lent them ends.
 *
 * @returns those that no other run has taken back meanwhile
 */
export async function keepFiles(host: Host, instance: Instance, loans: readonly Loan[]): Promise<Loan[]> {
  using locks = new DisposableStack();
  // Whoever is bringing a version of a copy will write its record as it was.
  for (const copy of loans.filter(isCopy)) locks.use(await lockCopy(host, copy));
  const kept = await letStay(host, loans);
  const isKept = (loan: Loan): boolean => kept.some(({ id }) => id === loan.id);
  await unmapFiles(host, instance, loans.filter(isMapping).filter((mapping) => !isKept(mapping)));
  return kept;
}

/**
 * Takes files back from one container. What cannot be taken back now stays on record for the next time.
 *
 * @returns those that did not come back, though their loans have ended
 */
export async function takeFilesBack(
  host: Host,
  instance: Instance,
  loans: readonly Loan[],
  options: TakeBackOptions = {},
): Promise<Loan[]> {
  const lent = loans.filter(isCopy);
  const lost = await all<[Loan[], Loan[]]>([
    unmapFiles(host, instance, loans.filter(isMapping), options),
    lent.length > 0 ? copies().then((copies) => copies.takeBackCopies(host, instance, lent, options)) : noLoans,
  ]);
  return lost.flat();
}

const noLoans = Promise.resolve([]);

/** How long taking files back may take, in milliseconds. */
export function takeBackMs(loans: readonly Loan[]): number {
  return loans.filter(isCopy).reduce(
    (sum, { lent, handed }) => sum + (lent?.size ?? 0) * msPerByte + (handed ? maxHandedMs : 0),
    maxTakeBackMs,
  );
}

/** Loaded where a copy is lent: node:crypto, which it needs, takes 18 ms. */
function copies(): Promise<typeof import("./lent_copies.ts")> {
  return import("./lent_copies.ts");
}
