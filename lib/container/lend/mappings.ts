/**
 * Files that are lent themselves: mapped into a running container of this machine. Each is put on record first, then
 * access to it is granted, then a device shows it. All that is undone in reverse order.
 */

import type { Host } from "../../base/host.ts";
import { delay } from "@std/async";
import { InputError, inputError, isFailure, type ProcessError } from "../../base/errors.ts";
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

/** A file that this run has mapped, and holds. */
export type HeldMapping = Mapping & { file: HeldFile };

/** A mapping before the ACL of its file is read. */
type Candidate = Omit<HeldMapping, "original" | "granted">;

/**
 * Maps all of the files; on failure, `undo` unmaps them again. Each is on record before it is mapped.
 *
 * @param options `uid`: that of the container's user on the host
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
 * Gives the container the file that has replaced a mapped one, at the same path in there, and restores the old one.
 *
 * @param options `old`: the mapping of the old file; `source`: the new one
 * @returns the mapping of the new file; undefined when another run has unmapped the old one
 */
export async function mapReplacement(
  given: Host,
  instance: Instance,
  { old, source }: { old: Mapping; source: SourceFile },
): Promise<HeldMapping | undefined> {
  const host = uninterruptible(given);
  // A container that can write in the file's directory must not choose a file of the user's by a symbolic link on the
  // way. The kernel's name for the handle says where the file is: nobody can put another one there before its use.
  const { stdout } = await host.run(["readlink", "--", source.file.handle]);
  if (stdout !== `${old.hostPath}\n`) {
    throw inputError("its path leads to another file now", "Lend the other file itself");
  }
  const candidates = [{ ...old, id: newId(), ...stateOf(source) }];
  return await withUndo(host, async (undo) => {
    const [mapped] = await grantAccess(host, instance, { candidates, replaces: old, undo });
    if (!mapped) return undefined;
    await removeMapDevices(host, instance, [old.id]);
    await updateInstance(host, instance, { devices: { [mapped.id]: deviceOf(mapped) } });
    const { failure } = await restoreFiles(host, [old], { forget: true });
    if (failure) throw failure;
    return mapped;
  });
}

/** What a record says of a file before it is mapped. */
function stateOf(
  { file, state: { dev, ino, bornMs, mode, size, mtimeMs: writtenMs } }: SourceFile,
): Pick<Candidate, "file" | "dev" | "ino" | "bornMs" | "mode" | "size" | "writtenMs"> {
  return { file, dev, ino, bornMs, mode: mode & 0o7777, size, writtenMs };
}

/**
 * Puts files on record, then grants the container user access to them.
 *
 * @param options `replaces`: the mapping of the file that the only candidate has replaced
 * @returns the files; none if another run has already unmapped that one
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

/** Whether a mapped file that the container may write has been written to, by whomever. */
async function wasWritten({ hostPath, readOnly, size, writtenMs, ...inode }: Mapping): Promise<boolean> {
  if (readOnly) return false;
  using file = await holdFile(hostPath);
  const state = file?.stat();
  return state === undefined || !isSameInode(state, inode) || state.size !== size || state.mtimeMs !== writtenMs;
}

/** The error when `setfacl` fails, which names a file by its handle: says which file is meant, and why. */
function noAclError(error: ProcessError, hostPath: string): InputError {
  const why = /operation not supported/i.test(error.stderr) ? "its file system has no ACLs" : "its ACL cannot be set";
  return new InputError(`"${hostPath}" cannot be lent: ${why}`, {
    hint:
      "Copy it to a file system with ACLs that you may write: ext4, xfs, btrfs, tmpfs, or zfs with acltype=posixacl",
    output: error.output.replaceAll(/\/proc\/\d+\/fd\/\d+: /g, ""),
  });
}

/**
 * Unmaps files of one container: their devices are removed, then their ACLs are restored. What cannot be done now stays
 * on record for the next time.
 *
 * @param options `wasKilled`: the run that mapped them was killed; the engine may be adding their devices just now
 * @returns those that did not come back, since they are not there any more
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
  let engineFailure: Error | undefined;
  try {
    if (!await removeMapDevices(host, instance, devices) && !isDisposableName(instance.name)) {
      const line = engineLine(instance.engine, ["config", "device", "remove", "NEW-NAME", ...devices]);
      tell(`"${labelOf(instance)}" is gone. If it was renamed, it still has what was lent; to take it back: ${line}`);
    }
  } catch (error) {
    engineFailure = error as Error;
  }
  // Also when the devices are still there: without the ACLs the container cannot open the files any more.
  const { done, failure, ...restored } = await restoreFiles(host, mapped, { forget: false });
  for (const finding of [...restored.findings, ...kept.findings]) tell(finding);
  if (engineFailure ?? failure) throw engineFailure ?? failure;
  const effect = ", and keeps access until it closes the file";
  for (const finding of await finishUnmap(host, instance, { files: mapped, effect })) tell(finding);
  // Only now: Incus 7.0.2 leaves every mount point to us, and the next run removes what an interrupted one has not.
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

/** How many devices are added at once: they are one word of a command line, which has at most 128 KiB (execve(2)). */
const maxDevices = 200;

/** The longest that the engine may take for a change that a signal must not interrupt, in milliseconds. */
const changeTimeoutMs = 60_000;

/** How often the removal of devices is tried while others change the same instance. */
const removeTries = 8;

/** The device that shows a file. It is not required: the container must start also when the file is gone. */
function deviceOf(
  { hostPath: source, containerPath: path, readOnly }: Pick<LoanRecord, "hostPath" | "containerPath" | "readOnly">,
): Device {
  return { type: "disk", source, path, required: "false", ...(readOnly ? { readonly: "true" } : {}) };
}

/**
 * Removes devices from a container. Devices that are not there are ignored, and so is a container that is not there.
 * Returns whether it is.
 * The engines' clients refuse a change when somebody else has changed the same instance just before: then the
 * removal is tried again.
 */
async function removeMapDevices(host: Host, instance: Instance, devices: readonly string[]): Promise<boolean> {
  let left = devices;
  for (let tries = 1;; tries++) {
    try {
      await removeDevices(host, instance, left);
      return true;
    } catch (error) {
      if (!isFailure(error) || tries === removeTries) throw error;
      host.signal.throwIfAborted();
    }
    await delay(20 * tries);
    const found = await findInstance(host, instance);
    left = devices.filter((device) => device in (found?.devices ?? {}));
    if (left.length === 0) return found !== undefined;
  }
}

/**
 * A host for calls of an engine that a signal does not interrupt. An engine carries out a change also when its client
 * was ended meanwhile: then nobody would know when the change is made, and can be undone.
 */
function uninterruptible(host: Host): Host {
  return host.forCleanup(AbortSignal.timeout(changeTimeoutMs));
}
