/** Restores the ACLs of mapped files: finds the files, carries out the plan, and updates the journal. */

import { dirname, join } from "@std/path";
import type { Host } from "../../base/host.ts";
import { writeAcls } from "./acl.ts";
import { type HeldFile, holdFile, isOutOfReach, isSameInode, readHeldAcls } from "./held_file.ts";
import { forgetLoans, readMappings, withJournalLock, writeRecords } from "./journal.ts";
import type { Mapping } from "./loan.ts";
import { type ObservedFile, planRestore, type RestoreStep } from "./acl_plan.ts";

/** The result: findings and mappings of the steps that succeeded. The files of these mappings need nothing further. */
export interface Restored extends Pick<RestoreStep, "findings" | "done"> {
  /** The mappings whose files no longer exist, or belong to somebody else. */
  lost: Mapping[];
  failure: Error | undefined;
}

/**
 * Restores the ACLs of files whose mappings end, unless another run has done so. A file that cannot be restored now
 * stays on record, and does not stop the others.
 *
 * @param options `forget`: also removes the records
 */
export async function restoreFiles(
  host: Host,
  mapped: readonly Mapping[],
  { forget }: { forget: boolean },
): Promise<Restored> {
  const plan = async (): Promise<void> => {
    for (const { uid, hostPath } of mapped) await host.run(["setfacl", "-x", `u:${uid}`, "--", hostPath]);
  };
  const act = async (lock: Deno.FsFile): Promise<Restored> => {
    const { uid } = await lock.stat();
    const records = await readMappings(host);
    using handles = new DisposableStack();
    const files = await observe(host, mapped, handles);
    const restored = await takeSteps(host, planRestore(records, { files, ownUid: uid! }));
    // Still under the lock: as long as a record exists, other runs treat its file as mapped.
    if (forget) await forgetLoans(host, restored.done);
    else await writeRecords(host, restored.done.map((mapping) => ({ ...mapping, restored: true })));
    return restored;
  };
  return await withJournalLock(host, act, plan) ?? { done: [], findings: [], lost: [], failure: undefined };
}

export async function takeSteps(host: Host, steps: readonly RestoreStep[]): Promise<Restored> {
  const errors = await writeAcls(host, steps.map(({ change }) => change));
  const made = steps.filter((_, index) => !errors[index]);
  return {
    done: made.flatMap(({ done }) => done),
    findings: made.flatMap(({ findings }) => findings),
    lost: made.flatMap(({ isLost, done }) => isLost ? done : []),
    failure: errors.find((error, index) => error && !steps[index]!.isOptional),
  };
}

/** Finds mapped files. They stay open until `handles` is disposed of. */
async function observe(host: Host, mapped: readonly Mapping[], handles: DisposableStack): Promise<ObservedFile[]> {
  const found = await Promise.all(
    mapped.map(async (mapping) => ({ mapping, ...await findMapped(mapping, handles) })),
  );
  const held = found.flatMap(({ file, replacement }) => [file, replacement]).filter((file) => file !== undefined);
  const acls = await readHeldAcls(host, held);
  const look = (file: HeldFile | undefined): ObservedFile["file"] =>
    file && { handle: file.handle, state: file.stat(), acl: acls[held.indexOf(file)]! };
  return found.map(({ mapping, file, replacement }) => ({ mapping, file: look(file), replacement: look(replacement) }));
}

/** Finds a mapped file, even if it was renamed within its directory, and the file that has replaced it. */
async function findMapped(
  mapping: Mapping,
  handles: DisposableStack,
): Promise<Record<"file" | "replacement", HeldFile | undefined>> {
  const atPath = handles.use(await holdFile(mapping.hostPath));
  const isInPlace = atPath && isSameInode(atPath.stat(), mapping);
  const file = mapping.file ?? (isInPlace ? atPath : handles.use(await findInDirectory(mapping)));
  return { file, replacement: isInPlace ? undefined : atPath };
}

/** Whether a mapped file seems to be deleted: it is neither at its path nor elsewhere in its directory. */
export async function isGone(mapping: Mapping): Promise<boolean> {
  using handles = new DisposableStack();
  const { file } = await findMapped(mapping, handles);
  return !file || file.stat().nlink === 0;
}

/** Finds an inode by another name in its former directory. */
async function findInDirectory({ hostPath, ...inode }: Mapping): Promise<HeldFile | undefined> {
  const directory = dirname(hostPath);
  try {
    for (const { name, isFile } of Deno.readDirSync(directory)) {
      const file = isFile ? await holdFile(join(directory, name)) : undefined;
      if (file && isSameInode(file.stat(), inode)) return file;
      file?.close();
    }
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
  }
  return undefined;
}
