/**
 * Files that are lent themselves: mapped into a running container of this machine. Each is put on record first, then
 * access to it is granted, then a device shows it. They end in the other direction.
 */

import type { Host } from "../../base/host.ts";
import { delay } from "@std/async";
import { ExitCode, inputError, ProcessError, UserError } from "../../base/errors.ts";
import { graceMs } from "../../base/lock.ts";
import { type Undo, withUndo } from "../../base/undo.ts";
import type { Instance } from "../../engine/engine.ts";
import { updateInstance } from "../../engine/instance.ts";
import { type AclChange, writeAcls } from "./acl.ts";
import { deviceOf, hasDevices, removeMapDevices, uninterruptible } from "./devices.ts";
import { isOnRecord, ofInode, planGrant } from "./grants.ts";
import { type HeldFile, holdFile, isSameInode, leadsTo, readHeldAcls } from "./held_file.ts";
import { readMappings, removeRecords, withJournalLock, writeRecords } from "./journal.ts";
import { keepLastVersions } from "./last_version.ts";
import type { Mapping, TakeBackOptions } from "./loan.ts";
import { finishUnmap } from "./open_files.ts";
import { restoreFiles } from "./restore.ts";
import { type LendOptions, newId, newLoan, type SourceFile } from "./source_file.ts";

/** A file that this run has mapped, and holds. */
export type HeldMapping = Mapping & { file: HeldFile };

/** A file that is to be mapped: at a new place in the container, or at the place of the file that it replaces. */
interface Candidate extends Pick<SourceFile, "state"> {
  loan: Omit<HeldMapping, "mode" | "size" | "writtenMs" | "original" | "granted">;
  replaces?: Mapping;
}

/**
 * Maps all of the files; on failure, `undo` unmaps them again. Each is on record before it is mapped.
 *
 * @param options `uid`: that of the container's user on the host
 */
export async function mapFiles(
  host: Host,
  files: readonly SourceFile[],
  { uid, ...options }: LendOptions & { uid: number },
): Promise<HeldMapping[]> {
  const { instance, undo } = options;
  const candidates = files.map((source): Candidate => {
    const { state, file } = source;
    return { state, loan: { ...newLoan(source, options), uid, file } };
  });
  const mapped = await grantAccess(host, instance, { candidates, undo });
  const devices = Object.fromEntries(mapped.map((mapping) => [mapping.id, deviceOf(mapping)]));
  await updateInstance(uninterruptible(host), instance, { devices });
  host.signal.throwIfAborted();
  for (const { path, state: { nlink } } of files) {
    if (nlink > 1) host.ui.warn(`"${path}" has ${nlink} names (hard links); it is lent under all of them`);
  }
  return mapped;
}

/**
 * Lets files stay mapped when the run that has mapped them ends. If it is killed before that, they are unmapped.
 *
 * @returns the files that no other run has unmapped meanwhile
 */
export async function keepMapped(host: Host, instance: Instance, mapped: readonly Mapping[]): Promise<Mapping[]> {
  const kept = await withJournalLock(host, async () => {
    const records = await readMappings(host);
    const kept = mapped.filter((mapping) => isOnRecord(records, mapping));
    await writeRecords(host, kept.map((mapping) => ({ ...mapping, owner: null })));
    return kept;
  });
  await unmapFiles(host, instance, mapped.filter((mapping) => !kept.includes(mapping)));
  return kept;
}

/**
 * Gives the container the file that has replaced a mapped one, at the same path in there, and restores the old one.
 *
 * @param options `old`: the mapping of the old file; `source`: the new one
 * @returns the mapping of the new file; undefined when another run has unmapped the old one
 */
export async function mapReplacement(
  given: Host,
  instance: Instance,
  { old, source: { file, state } }: { old: Mapping; source: SourceFile },
): Promise<HeldMapping | undefined> {
  const host = uninterruptible(given);
  // A container that can write in the file's directory must not choose a file of the user's by a symbolic link.
  if (!await leadsTo(host, { handle: file.handle, path: old.hostPath })) {
    throw inputError("its path leads to another file now", "Lend the other file itself");
  }
  const { dev, ino, bornMs } = state;
  const loan = { ...old, id: newId(), dev, ino, bornMs, file };
  return await withUndo(host, async (undo) => {
    const [mapped] = await grantAccess(host, instance, { candidates: [{ loan, state, replaces: old }], undo });
    if (!mapped) return undefined;
    await removeMapDevices(host, instance, [old.id]);
    await updateInstance(host, instance, { devices: { [mapped.id]: deviceOf(mapped) } });
    const { failure } = await restoreFiles(host, [old], { forget: true, ignoreReplacement: true });
    if (failure) throw failure;
    return mapped;
  });
}

/**
 * Puts files on record, then grants the container user access to them.
 *
 * @returns the files; none if one of them replaces a file that another run has already unmapped
 */
async function grantAccess(
  host: Host,
  instance: Instance,
  { candidates, undo }: { candidates: readonly Candidate[]; undo: Undo },
): Promise<HeldMapping[]> {
  return await withJournalLock(host, async () => {
    const records = await readMappings(host);
    if (candidates.some(({ replaces }) => replaces && !isOnRecord(records, replaces))) return [];
    const acls = await readHeldAcls(host, candidates.map(({ loan }) => loan.file));
    const mapped = candidates.map(({ loan, state, replaces }, index): HeldMapping => {
      const grant = planGrant(acls[index]!, { ...loan, others: ofInode(records, state), replaces });
      return { ...loan, ...grant, mode: state.mode & 0o7777, size: state.size, writtenMs: state.mtimeMs };
    });
    undo.add("take the files back", (cleaning) => unmapFiles(cleaning, instance, mapped));
    await writeRecords(host, mapped);
    try {
      await writeAcls(host, mapped.map(({ file, granted }): AclChange => [file.handle, granted]));
    } catch (error) {
      throw error instanceof ProcessError ? noAclError(error, mapped) : error;
    }
    return mapped;
  });
}

/** Whether a mapped file that the container may write has been written to, by whomever. */
async function isWritten({ hostPath, readOnly, size, writtenMs, ...inode }: Mapping): Promise<boolean> {
  if (readOnly) return false;
  using file = await holdFile(hostPath);
  const state = file?.stat();
  return state === undefined || !isSameInode(state, inode) || state.size !== size || state.mtimeMs !== writtenMs;
}

/** The error when `setfacl` fails, which names files by their handles: says which file is meant, and why. */
function noAclError(error: ProcessError, mapped: readonly HeldMapping[]): Error {
  const refused = mapped.find(({ file }) => error.stderr.includes(`${file.handle}: `));
  if (!refused) return error;
  const why = /operation not supported/i.test(error.stderr) ? "its file system has no ACLs" : "its ACL cannot be set";
  return new UserError(`"${refused.hostPath}" cannot be lent: ${why}`, {
    hint:
      "Copy it to a file system with ACLs that you may write: ext4, xfs, btrfs, tmpfs, or zfs with acltype=posixacl",
    output: error.output.replaceAll(/\/proc\/\d+\/fd\/\d+: /g, ""),
    exitCode: ExitCode.usage,
  });
}

/**
 * Unmaps files of one container: their devices are removed, then their ACLs are restored. What cannot be done now stays
 * on record for the next time.
 *
 * @param options `wasKilled`: the run that mapped them was killed; the engine may be adding their devices just now;
 * `lost`: those that are not taken back, since they are not there any more, are added to these
 */
export async function unmapFiles(
  host: Host,
  instance: Instance,
  all: readonly Mapping[],
  { wasKilled = false, lost = [], back, tell = host.ui.warn }: TakeBackOptions = {},
): Promise<void> {
  if (all.length === 0) return;
  if (wasKilled && !await hasDevices(host, instance, all.map(({ id }) => id))) await delay(graceMs);
  const kept = await keepLastVersions(host, instance, all);
  const mapped = all.filter((mapping) => !kept.stuck.includes(mapping));
  const devices = mapped.map(({ id }) => id);
  const engineFailure: Error | undefined = await removeMapDevices(host, instance, devices)
    .then(() => undefined, (error) => error);
  // Also when the devices are still there: without the ACLs the container cannot open the files any more.
  const { done, failure, ...restored } = await restoreFiles(host, mapped, { forget: false });
  for (const finding of [...restored.findings, ...kept.findings]) tell(finding);
  lost.push(...restored.lost);
  if (engineFailure ?? failure) throw engineFailure ?? failure;
  const effect = ", and keeps access until it closes the file";
  for (const finding of await finishUnmap(host, instance, { files: mapped, effect })) tell(finding);
  // Only now: Incus 7.0.2 leaves every mount point to us, and the next run removes what an interrupted one has not.
  await withJournalLock(host, async () => {
    const records = await readMappings(host);
    for (const mapping of done) {
      if (!records.some(({ id }) => id === mapping.id) || restored.lost.includes(mapping)) continue;
      back?.set(mapping, mapping.history !== undefined && await isWritten(mapping));
    }
    await removeRecords(host, done);
  });
  if (kept.failure) throw kept.failure;
}
