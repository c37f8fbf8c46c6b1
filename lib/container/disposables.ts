/**
 * Disposable copies of containers. Each has a record in a directory of its own, which is written before the copy is
 * made and locked while a run uses it. An unlocked record tells the next run to remove what a killed run left.
 */

import { join } from "@std/path";
import { engineOfRecord } from "./address.ts";
import type { Instance } from "../engine/engine.ts";
import { isSameServer, serverRecord } from "../engine/server.ts";
import { findInstance, type InstanceInfo } from "../engine/instance.ts";
import { deleteInstance, killInstance, waitForOperations } from "../engine/lifecycle.ts";
import { causedBy, isFailure, lineOf, orElse, orNothing, UserError } from "../base/errors.ts";
import { exists, ifThere, readDirectory, removeEmpty } from "../base/files.ts";
import { readJson, writeJson } from "../base/json_file.ts";
import { claimFile, claimRecord, lockFile, release } from "../base/lock.ts";
import type { Host } from "../base/host.ts";
import { quoteWords } from "../base/shell_words.ts";
import { withDeadline } from "../base/undo.ts";
import { copyOfKey } from "./managed.ts";
import { isDisposableName } from "./names.ts";
import { emptyMounts, removeMounts } from "./mounts.ts";
import type { ContainerRecord } from "./record.ts";
import { disposableRecordPath, lockPath, type Mounts, mountsIn, mountsOf, mountsRoot } from "./paths.ts";

/** The snapshot of a container that create.ts takes at its end. */
export const pristine = "made";

/** The time limit for each step of removing a copy, in milliseconds. */
const stepDeadlineMs = 60_000;

export interface DisposableRecord extends Pick<ContainerRecord, "engine" | "server"> {
  /** The name of the copied container. */
  source: string;
}

/** A copy that only this run may use or remove. */
export interface DisposableCopy extends DisposableRecord {
  name: string;
  mounts: Mounts;
  /** The lock on its record, which keeps other runs away until it is closed; undefined in a dry run. */
  lock: Deno.FsFile | undefined;
}

/**
 * The name of a new copy: the container's, cut to fit, and five random hexadecimal digits. {@linkcode isDisposableName}
 * recognizes it.
 */
export function newDisposableName(source: string): string {
  const digits = crypto.randomUUID().slice(0, 5);
  return `${source.slice(0, 63 - "-d".length - digits.length)}-d${digits}`;
}

/** The file that marks a copy as the origin of later copies. */
function renewedPath({ directory }: Pick<Mounts, "directory">): string {
  return join(directory, "renewed");
}

/**
 * Makes the directory and the record of a new copy, and locks it.
 *
 * @param options `max`: how many copies of the container may be in use at once, this one included; default: any number
 * @throws {UserError} when that many are in use; what Deno throws when the record cannot be written
 */
export async function beginDisposable(
  host: Host,
  { engine, name: source }: Instance,
  { max }: { max?: number | undefined } = {},
): Promise<DisposableCopy> {
  const name = newDisposableName(source);
  const mounts = mountsOf(host, { engine, name });
  const written = { source, engine: engine.cli, server: serverRecord(engine.server), name };
  const record = async (): Promise<Deno.FsFile> => {
    using _turn = await lockFile(lockPath(mountsRoot(host)), { signal: host.signal });
    if (max !== undefined) await checkInUse(host, { engine, name: source }, max);
    await Deno.mkdir(mounts.directory, { mode: 0o755 });
    const claimed = await claimRecord(disposableRecordPath(mounts), written).catch(async (error) => {
      await removeEmpty([mounts.directory]);
      throw error;
    });
    return claimed!;
  };
  const line = `write ${quoteWords([disposableRecordPath(mounts)])}`;
  return { ...written, mounts, lock: await host.change(line, record) };
}

/** The copies that killed runs have left. Each is locked by this run. */
export async function findLeftovers(host: Host): Promise<DisposableCopy[]> {
  return await choose(host, async ({ mounts, lock }) => lock !== undefined && !await exists(renewedPath(mounts)));
}

/** Makes a stopped copy the origin of later copies. */
export async function keepRenewed(host: Host, { mounts, lock }: DisposableCopy): Promise<void> {
  await host.change(`touch ${quoteWords([renewedPath(mounts)])}`, () => writeJson(renewedPath(mounts), true));
  release(lock);
}

/**
 * A container's copies that {@linkcode keepRenewed} has kept, without those that a run is replacing.
 *
 * @param options `claim`: each is locked by this run
 */
export async function findRenewed(
  host: Host,
  source: Instance,
  options: { claim: boolean },
): Promise<DisposableCopy[]> {
  const isRenewed = async (copy: DisposableCopy): Promise<boolean> =>
    copy.lock !== undefined && isOf(copy, source) && await exists(renewedPath(copy.mounts));
  return await choose(host, isRenewed, options);
}

/**
 * The copies of a container, to remove them with it.
 *
 * @param options `force`: includes copies that are in use
 * @throws {UserError} when one is in use
 */
export async function claimDisposables(
  host: Host,
  source: Instance,
  { force }: { force: boolean },
): Promise<DisposableCopy[]> {
  const found = await choose(host, (copy) => Promise.resolve(isOf(copy, source)));
  const used = found.find(({ lock }) => lock === undefined);
  if (!used || force) return found;
  for (const { lock } of found) release(lock);
  throw new UserError(`The disposable copy "${used.name}" of "${source.name}" is in use`, {
    hint: "Close its windows, or remove it too with --force",
  });
}

/**
 * Checks that fewer than `max` copies of a container are in use. The caller holds {@linkcode lockPath}.
 *
 * @throws {UserError} when `max` or more are
 */
async function checkInUse(host: Host, source: Instance, max: number): Promise<void> {
  const copies = await lockAll(host);
  for (const { lock } of copies) release(lock);
  const used = copies.filter((copy) => copy.lock === undefined && isOf(copy, source));
  if (used.length < max) return;
  throw new UserError(`${used.length} copies of "${source.name}" are in use`, {
    hint: "Close the windows of one first",
  });
}

function isOf(copy: DisposableRecord, { engine: { cli, server }, name }: Instance): boolean {
  return copy.source === name && copy.engine === cli && isSameServer(copy.server, serverRecord(server));
}

/**
 * The copies that `isWanted` picks.
 *
 * @param options `claim`: this run locks those that no other run has locked
 */
async function choose(
  host: Host,
  isWanted: (copy: DisposableCopy) => Promise<boolean>,
  { claim = true }: { claim?: boolean } = {},
): Promise<DisposableCopy[]> {
  if (!await host.look(false, () => exists(mountsRoot(host)))) return [];
  using _turn = await lockFile(lockPath(mountsRoot(host)), { signal: host.signal });
  const chosen: DisposableCopy[] = [];
  for (const copy of await lockAll(host)) {
    const wanted = await isWanted(copy);
    if (wanted) chosen.push(copy);
    if (!wanted || !claim) release(copy.lock);
  }
  return chosen;
}

/** All copies on record. Locks those that no other run has locked. The caller holds {@linkcode lockPath}. */
async function lockAll(host: Host): Promise<DisposableCopy[]> {
  const copies: DisposableCopy[] = [];
  for (const { name: directory, isDirectory } of await readDirectory(mountsRoot(host))) {
    if (!isDirectory || !isDisposableName(directory)) continue;
    const mounts = mountsIn(host, directory);
    const path = disposableRecordPath(mounts);
    const lock = await ifThere(claimFile(path, { create: false }));
    const record = await readJson(path);
    // A run that was killed while it wrote the record has made nothing else.
    const known = Object.assign({ source: "" }, record as DisposableRecord);
    if (record !== undefined) copies.push({ name: directory, ...known, mounts, lock });
    else {
      // A run was killed before it wrote a record. A directory with content stays: it may be a container's.
      release(lock);
      await removeEmpty([mounts.directory]);
    }
  }
  return copies;
}

/**
 * Removes a copy: the files in its shared directories, its instance, its directories, and with them its record. A
 * signal does not stop this.
 *
 * @throws {UserError} when a step fails. As long as the instance exists, the record stays for the next run
 */
export async function removeDisposable(host: Host, copy: DisposableCopy): Promise<void> {
  try {
    // A record without a source: the run was killed before it made anything else.
    if (copy.source !== "") {
      await orElse(removeInstance(host, copy), isFailure, (error) => {
        throw new UserError(`The copy "${copy.name}" stays: ${error.message}`, {
          hint: "The next run with --disposable tries to remove it",
          ...(error instanceof UserError ? { exitCode: error.exitCode } : {}),
          ...causedBy(error),
        });
      });
    }
    await removeDirectories(host, copy);
  } finally {
    release(copy.lock);
  }
}

/** Empties a copy's directories as far as possible, then removes its instance. */
async function removeInstance(host: Host, copy: DisposableCopy): Promise<void> {
  const { name, mounts } = copy;
  const instance = { engine: await engineOfRecord(host, copy), name };
  const planned: Pick<InstanceInfo, "status" | "config"> = { status: "Running", config: { [copyOfKey]: copy.source } };
  const found = await inTime(host, (cleaner) =>
    cleaner.look<typeof planned | undefined>(planned, async () => {
      // The engine may still be making the instance even if its CLI has ended.
      await waitForOperations(cleaner, instance);
      return await findInstance(cleaner, instance);
    }));
  if (found?.config[copyOfKey] === undefined) return;
  const emptied = inTime(host, async (cleaner) => {
    if (found.status !== "Stopped") await killInstance(cleaner, instance);
    if (instance.engine.server.isLocal && await exists(mounts.sockets)) {
      await emptyMounts(cleaner, { ...instance, status: "Stopped", config: found.config });
    }
  });
  // Even if the copy prevents that, it is deleted. The user is warned of files that remain.
  await orNothing(emptied, isFailure);
  await inTime(host, (cleaner) => deleteInstance(cleaner, instance));
}

/**
 * Removes the directories of a copy whose instance is gone. If the copy has made them inaccessible to the host user, or
 * filled them with too many files, its record is removed anyway: the user is warned once, and no later run tries again.
 */
async function removeDirectories(host: Host, copy: DisposableCopy): Promise<void> {
  const { directory, sockets, share } = copy.mounts;
  // The directory with the record is removed last.
  const removed = inTime(host, (cleaner) => removeMounts(cleaner, [directory, sockets, share]));
  await orElse(removed, isFailure, async (error) => {
    await removeEmpty([disposableRecordPath(copy.mounts)]);
    throw new UserError(`What the copy "${copy.name}" has left in "${directory}" cannot be removed`, {
      hint: `The copy itself is gone. Remove the directory as root: sudo rm -rf ${quoteWords([directory])}`,
      ...causedBy(error),
    });
  });
}

/** Runs one step of removing a copy within its own time limit. A signal does not stop it. */
async function inTime<T>(host: Host, act: (cleaner: Host) => Promise<T>): Promise<T> {
  const late = new UserError(`removing it takes more than ${stepDeadlineMs / 1000} s`, { hint: "Try it again" });
  return await withDeadline(host, { deadlineMs: stepDeadlineMs, late, act });
}

/**
 * Removes copies, one after the other. A failure is only a warning.
 *
 * @returns the names of the removed copies
 */
export async function removeDisposables(host: Host, copies: readonly DisposableCopy[]): Promise<string[]> {
  const removed: string[] = [];
  for (const copy of copies) {
    host.ui.status(`Removing the copy "${copy.name}"`);
    const removing = removeDisposable(host, copy).then(() => void removed.push(copy.name));
    await orElse(removing, isFailure, (error) => host.ui.warn(lineOf(error)));
  }
  return removed;
}
