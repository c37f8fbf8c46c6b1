/** Restoring the ACLs of mapped files: finds the files, makes the changes of the plan, and updates the journal. */

import { dirname, join } from "@std/path";
import { writeAcls } from "./acl.ts";
import { ProcessError } from "../base/errors.ts";
import { type HeldFile, holdFile, type InodeId, isSameInode, readHeldAcls } from "./held_file.ts";
import type { Host } from "../base/host.ts";
import { readMappings, removeRecords, withJournalLock, writeRecords } from "./journal.ts";
import type { Mapping } from "./loan.ts";
import { type ObservedFile, planRestore, type RestoreStep } from "./restore_plan.ts";

/** A mapped file. */
export interface MappedFile {
  /** The record of it. */
  mapping: Mapping;
  /** The file, if this run holds it; otherwise it is looked for. */
  file?: HeldFile;
}

/** What was done. */
export interface Restored {
  /** The mappings whose files need nothing more. */
  done: Mapping[];
  /** What the user should know. */
  findings: string[];
  /** The first error. */
  failure: Error | undefined;
}

/** The errors of a directory that is gone, closed to the user, or no directory any more. */
const unreachable = [
  Deno.errors.NotFound,
  Deno.errors.PermissionDenied,
  Deno.errors.NotADirectory,
  Deno.errors.FilesystemLoop,
];

/**
 * Restores the ACLs of files whose mappings end, unless another run has done so. A file that cannot be restored now
 * does not keep the others from being restored; it stays on record.
 *
 * @param options `forget`: the records are not needed any more; `ignoreReplacement`: what is now at the path of a file
 * is not looked at
 */
export async function restoreFiles(
  host: Host,
  mapped: readonly MappedFile[],
  { forget, ignoreReplacement = false }: { forget: boolean; ignoreReplacement?: boolean },
): Promise<Restored> {
  return await withJournalLock(host, async (lock) => {
    const { uid } = await lock.stat();
    const records = await readMappings(host);
    using handles = new DisposableStack();
    const files = await observe(host, mapped, { handles, ignoreReplacement });
    const restored = await takeSteps(host, planRestore(records, { files, ownUid: uid! }));
    // Still under the lock: as long as a record is there, another run takes its file for one that is mapped.
    if (forget) await removeRecords(host, restored.done);
    else await writeRecords(host, restored.done.map((mapping) => ({ ...mapping, restored: true })));
    return restored;
  });
}

/** Makes the changes of a plan. */
export async function takeSteps(host: Host, steps: readonly RestoreStep[]): Promise<Restored> {
  const errors = await forAllOrEach(steps, async (steps) => {
    await writeAcls(host, steps.flatMap(({ change }) => change ?? []));
    return steps.map(({ failure }) => failure);
  });
  const made = steps.filter((_, index) => errors[index] === undefined);
  return {
    done: made.flatMap(({ done }) => done),
    findings: made.flatMap(({ findings }) => findings),
    failure: errors.find((error, index) => error !== undefined && !steps[index]!.isOptional),
  };
}

/** Looks for mapped files. What is found stays open until `handles` is disposed of. */
async function observe(
  host: Host,
  mapped: readonly MappedFile[],
  { handles, ignoreReplacement }: { handles: DisposableStack; ignoreReplacement: boolean },
): Promise<ObservedFile[]> {
  const found = await Promise.all(
    mapped.map(async (one) => ({ mapping: one.mapping, ...await findFiles(one, handles) })),
  );
  const held = found.flatMap(({ file, replacement }) => [file, ignoreReplacement ? undefined : replacement])
    .filter((file) => file !== undefined);
  const acls = await forAllOrEach(held, (files) => readHeldAcls(host, files));
  const values = new Map(
    held.map((file, index) => [file, { handle: file.handle, state: file.stat(), acl: acls[index]! }]),
  );
  return found.map(({ mapping, file, replacement }) => ({
    mapping,
    file: file && values.get(file),
    replacement: replacement && values.get(replacement),
  }));
}

/** Finds the inode that was mapped, at its path or elsewhere in the same directory, and what has replaced it. */
async function findFiles(
  { mapping, file }: MappedFile,
  handles: DisposableStack,
): Promise<{ file: HeldFile | undefined; replacement: HeldFile | undefined }> {
  const hold = (file: HeldFile | undefined): HeldFile | undefined => handles.adopt(file, (file) => file?.close());
  const atPath = hold(await holdFile(mapping.hostPath));
  return atPath && isSameInode(atPath.stat(), mapping)
    ? { file: file ?? atPath, replacement: undefined }
    : { file: file ?? hold(await findInDirectory(dirname(mapping.hostPath), mapping)), replacement: atPath };
}

async function findInDirectory(directory: string, inode: InodeId): Promise<HeldFile | undefined> {
  try {
    for (const { name, isFile } of Deno.readDirSync(directory)) {
      const file = isFile ? await holdFile(join(directory, name)) : undefined;
      if (file && isSameInode(file.stat(), inode)) return file;
      file?.close();
    }
  } catch (error) {
    if (!unreachable.some((kind) => error instanceof kind)) throw error;
  }
  return undefined;
}

/**
 * Applies `act`, which runs a program, to all of `items` at once. If that fails, applies it to each item alone, so that
 * one bad item does not affect the others.
 *
 * @returns the result or the error of each
 */
async function forAllOrEach<T, R>(
  items: readonly T[],
  act: (items: readonly T[]) => Promise<readonly R[]>,
): Promise<(R | Error)[]> {
  try {
    return [...await act(items)];
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
  }
  const results: (R | Error)[] = [];
  for (const item of items) results.push(await act([item]).then(([result]) => result!, (error: Error) => error));
  return results;
}
