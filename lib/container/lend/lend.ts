/**
 * Lends files to a container: the files themselves, or copies. Its record says how a file was lent, and so how it is
 * taken back.
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

/** The time limit for taking files back at the end of a run, in milliseconds. */
const maxTakeBackMs = 60_000;

/** Additional time for each byte of lent copies: for a link of 2 Mbit/s. */
const msPerByte = 1 / 256;

/** Additional time for a copy that was handed over, which may have grown to the maximum: 10 MB/s. */
const maxHandedMs = Math.ceil(maxVersionBytes / 10_000);

/**
 * Lends all of the files, or none.
 *
 * @param options `uid`: the container user's uid on this machine; undefined if only copies can be lent
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
 * Lets files stay lent when the run that lent them ends.
 *
 * @returns the loans that no other run has taken back meanwhile
 */
export async function keepFiles(host: Host, instance: Instance, loans: readonly Loan[]): Promise<Loan[]> {
  using locks = new DisposableStack();
  // Waits for a transfer of a copy in progress, which would write the old record again.
  for (const copy of loans.filter(isCopy)) locks.use(await lockCopy(host, copy));
  const kept = await letStay(host, loans);
  const isKept = (loan: Loan): boolean => kept.some(({ id }) => id === loan.id);
  await unmapFiles(host, instance, loans.filter(isMapping).filter((mapping) => !isKept(mapping)));
  return kept;
}

/**
 * Takes files back from one container. Files that cannot be taken back now stay on record for the next time.
 *
 * @returns the loans that have ended although their files did not come back
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
    Promise.resolve(lent.length === 0 ? [] : copies().then((it) => it.takeBackCopies(host, instance, lent, options))),
  ]);
  return lost.flat();
}

/** The time limit for taking these files back, in milliseconds. */
export function takeBackMs(loans: readonly Loan[]): number {
  return loans.filter(isCopy).reduce(
    (sum, { lent, handed }) => sum + (lent?.size ?? 0) * msPerByte + (handed ? maxHandedMs : 0),
    maxTakeBackMs,
  );
}

/** Loaded only if a copy is lent: it needs node:crypto, which takes 18 ms to load. */
function copies(): Promise<typeof import("./lent_copies.ts")> {
  return import("./lent_copies.ts");
}
