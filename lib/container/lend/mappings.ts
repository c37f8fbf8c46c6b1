/**
 * Files that are themselves lent: mapped into a running container on this machine. Each is put on record first, then
 * access is granted, then a device is added. The end of a mapping undoes these in reverse order.
 */

import type { Host } from "../../base/host.ts";
import { delay } from "@std/async";
import { InputError, inputError, isFailure, orElse, type ProcessError } from "../../base/errors.ts";
import { all as allOf } from "../../base/promises.ts";
import { graceMs } from "../../base/lock.ts";
import { type Undo, withUndo } from "../../base/undo.ts";
import { engineLine, type Instance, labelOf } from "../../engine/engine.ts";
import { isDisposableName } from "../names.ts";
import { findInstance, removeDevices, updateInstance } from "../../engine/instance.ts";
import { writeAcls } from "./acl.ts";
import { isOnRecord, ofInode, planGrant } from "./acl_plan.ts";
import { type HeldFile, holdFile, isSameInode, readHeldAcls } from "./held_file.ts";
import { forgetLoans, noteBack, readMappings, withJournalLock, writeRecords } from "./journal.ts";
import { keepLastVersions } from "./last_version.ts";
import type { LoanRecord, Mapping, TakeBackOptions } from "./loan.ts";
import { finishUnmap, makeDirectories } from "./open_files.ts";
import { restoreFiles } from "./restore.ts";
import { type LendOptions, newId, newLoan, type SourceFile } from "./source_file.ts";
import type { Device } from "../../engine/answer.ts";

/** A file that this run has mapped and holds. */
export type HeldMapping = Mapping & { file: HeldFile };

/** A mapping before the ACL of its file is read. */
type Candidate = Omit<HeldMapping, "original" | "granted">;

/**
 * Maps all of the files; on failure, `undo` unmaps them again. Each is on record before it is mapped.
 *
 * @param options `uid`: the container user's uid on the host
 */
export async function mapFiles(
  host: Host,
  files: readonly SourceFile[],
  { uid, ...options }: LendOptions & Pick<Mapping, "uid">,
): Promise<HeldMapping[]> {
  const { instance, undo, user } = options;
  const candidates = files.map((source) => ({ ...newLoan(source, options), uid, ...stateOf(source) }));
  const paths = candidates.map(({ containerPath }) => containerPath);
  const [mapped] = await allOf([
    grantAccess(host, instance, { candidates, undo }),
    makeDirectories(host, instance, { user, paths }),
  ]);
  for (let at = 0; at < mapped.length; at += maxDevices) {
    const devices = mapped.slice(at, at + maxDevices).map((mapping) => [mapping.id, deviceOf(mapping)]);
    await updateInstance(uninterruptible(host), instance, { devices: Object.fromEntries(devices) });
    host.signal.throwIfAborted();
  }
  for (const { path, state: { nlink } } of files) {
    if (nlink > 1) host.ui.warn(`"${path}" has ${nlink} names (hard links); it is lent under all of them`);
  }
  return mapped;
}

/**
 * Maps the file that has replaced a mapped one, at the same path in the container, and restores the old file.
 *
 * @param options `old`: the mapping of the old file; `source`: the new one; `tell`: tells the user where what the
 * container has written to the old one is
 * @returns the mapping of the new file; undefined if another run has unmapped the old file
 */
export async function mapReplacement(
  given: Host,
  instance: Instance,
  { old, source, tell }: { old: Mapping; source: SourceFile; tell(text: string): Promise<void> },
): Promise<HeldMapping | undefined> {
  const host = uninterruptible(given);
  // A container that can write to the file's directory must not choose another of the user's files by a symbolic link.
  // The kernel's name for the handle says where the held file is; nobody can swap it before it is used.
  const { stdout } = await host.run(["readlink", "--", source.file.handle]);
  if (stdout !== `${old.hostPath}\n`) {
    throw inputError("its path leads to another file now", "Lend the other file itself");
  }
  const candidates = [{ ...old, id: newId(), ...stateOf(source) }];
  return await withUndo(host, async (undo) => {
    const [mapped] = await grantAccess(host, instance, { candidates, replaces: old, undo });
    if (!mapped) return undefined;
    const kept = await keepLastVersions(host, instance, [old]);
    if (kept.failure) throw kept.failure;
    for (const finding of kept.findings) await tell(finding);
    await removeMapDevices(host, instance, [old.id]);
    await updateInstance(host, instance, { devices: { [mapped.id]: deviceOf(mapped) } });
    const { failure } = await restoreFiles(host, [old], { forget: true });
    if (failure) throw failure;
    return mapped;
  });
}

/** The fields of a record that describe a file before it is mapped. */
function stateOf(
  { file, state: { dev, ino, bornMs, mode, size, mtimeMs: writtenMs } }: SourceFile,
): Pick<Candidate, "file" | "dev" | "ino" | "bornMs" | "mode" | "size" | "writtenMs"> {
  return { file, dev, ino, bornMs, mode: mode & 0o7777, size, writtenMs };
}

/**
 * Puts files on record, then grants the container user access to them.
 *
 * @param options `replaces`: the mapping of the file that the one candidate has replaced
 * @returns the mappings; none if another run has already unmapped the replaced file
 */
async function grantAccess(
  host: Host,
  instance: Instance,
  { candidates, replaces, undo }: { candidates: readonly Candidate[]; replaces?: Mapping; undo: Undo },
): Promise<HeldMapping[]> {
  const plan = async (): Promise<void> => {
    for (const { uid, readOnly, hostPath } of candidates) {
      await host.run(["setfacl", "-m", `u:${uid}:${readOnly ? "r--" : "rw-"}`, "--", hostPath]);
    }
  };
  const act = async (): Promise<HeldMapping[]> => {
    const records = await readMappings(host);
    if (replaces && !isOnRecord(records, replaces)) return [];
    const acls = await readHeldAcls(host, candidates.map(({ file }) => file));
    const mapped = candidates.map((loan, index): HeldMapping => ({
      ...loan,
      ...planGrant(acls[index]!, { ...loan, others: ofInode(records, loan), replaces }),
    }));
    undo.add("take the files back", (cleaning) => unmapFiles(cleaning, instance, mapped));
    await writeRecords(host, mapped);
    const errors = await writeAcls(host, mapped.map(({ file, granted }) => [file.handle, granted]));
    for (const [index, error] of errors.entries()) if (error) throw noAclError(error, mapped[index]!.hostPath);
    return mapped;
  };
  return await withJournalLock(host, act, plan) ??
    candidates.map((candidate) => ({ ...candidate, original: {}, granted: {} }));
}

/** Whether a mapped file that the container may write has been written to, by the container or anybody else. */
async function wasWritten({ hostPath, readOnly, size, writtenMs, ...inode }: Mapping): Promise<boolean> {
  if (readOnly) return false;
  using file = await holdFile(hostPath);
  const state = file?.stat();
  return state === undefined || !isSameInode(state, inode) || state.size !== size || state.mtimeMs !== writtenMs;
}

/** The error when `setfacl` fails. setfacl names the file by its handle, so this says which file it is, and why. */
function noAclError(error: ProcessError, hostPath: string): InputError {
  const why = /operation not supported/i.test(error.stderr) ? "its file system has no ACLs" : "its ACL cannot be set";
  return new InputError(`"${hostPath}" cannot be lent: ${why}`, {
    hint:
      "Copy it to a file system with ACLs that you may write: ext4, xfs, btrfs, tmpfs, or zfs with acltype=posixacl",
    output: error.output.replaceAll(/\/proc\/\d+\/fd\/\d+: /g, ""),
  });
}

/**
 * Unmaps files of one container: removes their devices, then restores their ACLs. Whatever cannot be done now stays on
 * record for the next time.
 *
 * @param options `wasKilled`: the run that mapped them was killed; the engine may still be adding their devices
 * @returns the mappings whose files did not come back, since they no longer exist
 */
export async function unmapFiles(
  host: Host,
  instance: Instance,
  all: readonly Mapping[],
  { wasKilled = false, tell = host.ui.warn }: TakeBackOptions = {},
): Promise<Mapping[]> {
  if (all.length === 0) return [];
  if (wasKilled) await delay(graceMs);
  const kept = await keepLastVersions(host, instance, all);
  const mapped = all.filter((mapping) => !kept.stuck.includes(mapping));
  const devices = mapped.map(({ id }) => id);
  const isThere = await removeMapDevices(host, instance, devices).catch((error: Error) => error);
  if (isThere === false && !isDisposableName(instance.name)) {
    const line = engineLine(instance.engine, ["config", "device", "remove", "NEW-NAME", ...devices]);
    tell(`"${labelOf(instance)}" is gone. If it was renamed, it still has what was lent; to take it back: ${line}`);
  }
  // Even if the devices remain: without the ACL entries, the container can no longer open the files.
  const { done, failure, ...restored } = await restoreFiles(host, mapped, { forget: false });
  for (const finding of [...restored.findings, ...kept.findings]) tell(finding);
  if (isThere instanceof Error) throw isThere;
  if (failure) throw failure;
  const effect = ", and keeps access until it closes the file";
  for (const finding of await finishUnmap(host, instance, { files: mapped, effect })) tell(finding);
  // Last: Incus 7.0.2 leaves all mount points to us, and by the records the next run finds those still left.
  await withJournalLock(host, async () => {
    const records = await readMappings(host);
    for (const mapping of done) {
      if (!records.some(({ id }) => id === mapping.id) || restored.lost.includes(mapping)) continue;
      if (mapping.history) await noteBack(host, mapping, await wasWritten(mapping));
    }
    await forgetLoans(host, done);
  });
  if (kept.failure) throw kept.failure;
  return restored.lost;
}

/** How many devices are added at once: they are one command-line argument, limited to 128 KiB (execve(2)). */
const maxDevices = 200;

/** The time limit for an engine's change that a signal must not interrupt, in milliseconds. */
const changeTimeoutMs = 60_000;

/** How often removing devices is tried while others change the same instance. */
const removeTries = 8;

/** The device of a mapped file. It is not required: the container must start even if the file is gone. */
function deviceOf(
  { hostPath: source, containerPath: path, readOnly }: Pick<LoanRecord, "hostPath" | "containerPath" | "readOnly">,
): Device {
  return { type: "disk", source, path, required: "false", ...(readOnly ? { readonly: "true" } : {}) };
}

/**
 * Removes devices from a container. Ignores missing devices, and a missing container. Returns whether the container
 * exists. The engines' clients refuse a change if somebody else has just changed the same instance: then the removal is
 * tried again.
 */
async function removeMapDevices(host: Host, instance: Instance, devices: readonly string[]): Promise<boolean> {
  let left = devices;
  for (let tries = 1;; tries++) {
    const failure = await orElse(removeDevices(host, instance, left), isFailure, (error) => error);
    if (!failure) return true;
    if (tries === removeTries) throw failure;
    host.signal.throwIfAborted();
    await delay(20 * tries);
    const found = await findInstance(host, instance);
    left = devices.filter((device) => device in (found?.devices ?? {}));
    if (left.length === 0) return found !== undefined;
  }
}

/**
 * A host for engine calls that a signal does not interrupt. An engine completes a change even if its client is killed:
 * then nobody would know when the change is made and can be undone.
 */
function uninterruptible(host: Host): Host {
  return host.forCleanup(AbortSignal.timeout(changeTimeoutMs));
}
