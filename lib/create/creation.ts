/**
 * The journal of create.ts: a record on disk of the state before a container is made. It is written before the first
 * change, and locked as long as the run lives. The next run uses it to undo what a killed run has left.
 */

import type { Address } from "../container/address.ts";
import type { Host } from "../base/host.ts";
import { delay } from "@std/async";
import { dirname, join } from "@std/path";
import { removeUnusedProxy } from "./internet/proxy.ts";
import { deleteProfile, findProfile, setProfile } from "../engine/profile.ts";
import { deleteImage, listImages } from "../engine/image.ts";
import { findInstance } from "../engine/instance.ts";
import { deleteInstance, waitForOperations } from "../engine/lifecycle.ts";
import { UserError } from "../base/errors.ts";
import { runKey } from "../container/managed.ts";
import { makeMounts, type MountsBefore, removeMounts, restoreMounts, saveMounts } from "../container/mounts.ts";
import { creationRecordPath } from "../container/paths.ts";
import { exists, readDirectory, removeEmpty, removeFile } from "../base/files.ts";
import { readJson } from "../base/json_file.ts";
import { claimFile, claimRecord, graceMs, isClaimed, release } from "../base/lock.ts";
import { quoteWords } from "../base/shell_words.ts";

/** The creation of a container: its run, and the state before. */
export interface Creation {
  engine: string;
  /** The run's id, which marks the instance, the profile and a cached image. */
  run: string;
  /** The former profile of that name as YAML; null if there was none. */
  profileBefore: string | null;
  /** The directories that the run made, outermost first. */
  directories: string[];
  /** The directory of all containers if it was missing, else null. */
  base: string | null;
  /** The state of existing directories and files. */
  mountsBefore: MountsBefore;
}

/**
 * Makes the missing directories, writes the record, and locks it until the end of its scope.
 *
 * @returns `remove`: removes the record when the container is complete, or kept despite a failure
 * @throws {UserError} when another run is making the same container
 */
export async function beginCreation(
  host: Host,
  instance: Address,
  profileBefore: string | null,
): Promise<Disposable & { creation: Creation; remove(): Promise<void> }> {
  const { engine: { cli }, name, mounts } = instance;
  const creation: Creation = {
    engine: cli,
    profileBefore,
    run: crypto.randomUUID(),
    directories: [],
    base: null,
    mountsBefore: { directories: [], files: [] },
  };
  const base = dirname(mounts.directory);
  if (!await exists(base)) creation.base = base;
  creation.mountsBefore = await host.look(creation.mountsBefore, () => saveMounts(host, mounts));
  const path = creationRecordPath(mounts);
  let file: Deno.FsFile | undefined | null;
  try {
    creation.directories = await makeMounts(host, mounts);
    file = await host.change(`write ${quoteWords([path])}`, async () => await claimRecord(path, creation) ?? null);
  } catch (error) {
    await removeEmpty([...creation.base === null ? [] : [creation.base], ...creation.directories]);
    throw error;
  }
  if (file === null) throw beingMadeError(name);
  const remove = (): Promise<void> => host.change(`rm ${quoteWords([path])}`, () => removeFile(path));
  return { creation, remove, [Symbol.dispose]: () => release(file) };
}

/**
 * Refuses a container that another run is making: the engine may not have its instance yet.
 *
 * @throws {UserError} when another run has locked its record
 */
export async function refuseBeingMade(instance: Address): Promise<void> {
  if (await isClaimed(creationRecordPath(instance.mounts))) throw beingMadeError(instance.name);
}

/**
 * Undoes what a run made, newest first, then removes its record. If a step fails, whatever was made earlier stays,
 * since it is still in use, and the record stays for the next run.
 *
 * @throws the error of the step that fails
 */
export async function unmake(host: Host, instance: Address, creation: Creation): Promise<void> {
  const { engine, mounts } = instance;
  const { run, profileBefore } = creation;
  // The engine may still be making the instance even if its CLI has ended.
  await waitForOperations(host, instance);
  if ((await findInstance(host, instance))?.config[runKey] === run) await deleteInstance(host, instance);
  for (const { fingerprint, properties } of await listImages(host, engine)) {
    if (properties[runKey] === run) await deleteImage(host, engine, fingerprint);
  }
  const profile = await findProfile(host, instance);
  if (profile?.config[runKey] === run) {
    await removeUnusedProxy(host, instance, profile);
    if (profileBefore === null) await deleteProfile(host, instance);
    else await setProfile(host, instance, profileBefore);
  }
  await removeMounts(host, creation.directories);
  if (!creation.directories.includes(mounts.directory)) {
    await restoreMounts(host, { mounts, before: creation.mountsBefore });
  }
  await removeFile(creationRecordPath(mounts));
  const { base } = creation;
  if (base === null) return;
  const left = (await readDirectory(base)).map(({ name }) => join(base, name));
  if (left.every((path) => path.endsWith(".lock"))) { for (const path of left) await removeFile(path); }
  await removeEmpty([base]);
}

/**
 * Undoes what an earlier run has left of this container, if it was killed or could not undo everything.
 *
 * @returns whether there was such a run
 * @throws {UserError} when that run is still active
 */
export async function recoverCreation(host: Host, instance: Address): Promise<boolean> {
  const { engine, name } = instance;
  const path = creationRecordPath(instance.mounts);
  if (!await host.look(false, () => exists(path))) return false;
  using file = await claimFile(path);
  if (!file) throw beingMadeError(name);
  const creation = await readJson(path) as Creation | null;
  if (creation === null) {
    // The run was killed while it wrote the record. It had only made directories. They stay, as they may hold older
    // files.
    await removeFile(path);
    return false;
  }
  if (creation.engine !== engine.cli) {
    throw new UserError(`Another run has left the container "${name}" half made on the other engine`, {
      hint: `Run it again with --engine ${creation.engine}`,
    });
  }
  host.ui.status(`Removing what another run has left of "${name}"`);
  // The last request of a killed run may not yet be an operation of the engine.
  await delay(graceMs);
  await waitForOperations(host, instance, { publishing: true });
  await unmake(host, instance, creation);
  return true;
}

function beingMadeError(name: string): UserError {
  return new UserError(`The container "${name}" is being made by another run`, { hint: "Wait for it, or end it" });
}
