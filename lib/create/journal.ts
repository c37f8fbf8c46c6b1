/**
 * A container that is being made: a record on disk of what there was before, written ahead of the first change and locked
 * while its process lives, so that what a killed run left half made can be unmade by the next one.
 */

import { dirname, join } from "@std/path";
import type { Engine } from "../engine/engine.ts";
import { deleteProfile, findProfile, setProfile } from "../engine/profile.ts";
import { deleteImage, findImages } from "../engine/image.ts";
import { deleteInstance, findInstance, waitForOperations } from "../engine/instance.ts";
import { UserError } from "../base/errors.ts";
import { runKey } from "../container/ours.ts";
import {
  makeMounts,
  type Mounts,
  type MountsBefore,
  removeMounts,
  restoreMounts,
  saveMounts,
} from "../container/mounts.ts";
import { exists, removeEmpty } from "../base/files.ts";

/** What there was before a container was made. */
export interface Creation {
  /** Its CLI. */
  engine: string;
  /** The container's name. */
  name: string;
  /** Names the run; the instance, the profile and a cached image bear it. */
  run: string;
  /** The profile of that name as YAML, when there was one. */
  profileBefore: string | null;
  /** The directories that were not there, outermost first. */
  directories: string[];
  /** The directory that holds those of all containers, when it was not there. */
  base: string | null;
  /** Those that were there, and the pinned host keys. */
  mountsBefore: MountsBefore;
}

/** The record of a creation on disk, locked while it is open. */
export interface CreationRecord extends Disposable {
  /** What is on disk. */
  creation: Creation;
  /** Takes the record away: what was made is there to stay. */
  remove(): Promise<void>;
}

/** The record's file for a container. */
function recordPath(mounts: Mounts): string {
  return join(mounts.directory, "creating.json");
}

/**
 * Makes the missing directories and, in them, the record, locked by this process.
 *
 * @throws {UserError} when another run makes the same container
 */
export async function beginCreation(
  engine: Engine,
  mounts: Mounts,
  details: Pick<Creation, "name" | "profileBefore">,
): Promise<CreationRecord> {
  const { host } = engine;
  const creation: Creation = {
    ...details,
    engine: engine.cli,
    run: crypto.randomUUID(),
    directories: [],
    base: null,
    mountsBefore: { directories: [], knownHosts: null },
  };
  if (host.dryRun) {
    await makeMounts(host, mounts);
    return { creation, remove: () => Promise.resolve(), [Symbol.dispose]() {} };
  }
  const base = dirname(mounts.directory);
  if (!await exists(base)) creation.base = base;
  creation.mountsBefore = await saveMounts(host, mounts);
  creation.directories = await makeMounts(host, mounts);
  const path = recordPath(mounts);
  const cannotWrite = (error: unknown): UserError =>
    new UserError(`Cannot write "${path}": ${error instanceof Error ? error.message : error}`, {
      hint: "See whether its disk is full, and whether you may write there",
      cause: error,
    });
  // Only the run that has the lock may empty the file: until then it may be another one's record.
  const file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 }).catch((error) => {
    throw cannotWrite(error);
  });
  // Whoever else had the lock meanwhile has taken the file away: a lock on that would bind nobody.
  if (!await file.tryLock(true) || !await isAt(file, path)) {
    file.close();
    throw beingMade(details.name);
  }
  try {
    await file.truncate();
    const bytes = new TextEncoder().encode(JSON.stringify(creation));
    for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
    await file.sync();
  } catch (error) {
    await removeRecord(mounts);
    await removeEmpty([...creation.base === null ? [] : [creation.base], ...creation.directories]);
    file.close();
    throw cannotWrite(error);
  }
  return { creation, remove: () => removeRecord(mounts), [Symbol.dispose]: () => file.close() };
}

/** To be called while it is locked: later it may be another run's. */
async function removeRecord(mounts: Mounts): Promise<void> {
  await Deno.remove(recordPath(mounts)).catch(() => {});
}

async function isAt(file: Deno.FsFile, path: string): Promise<boolean> {
  const there = await Deno.stat(path).catch(() => undefined);
  return there !== undefined && there.ino === (await file.stat()).ino;
}

/**
 * Tells a container that is being made from what was left of one, neither of which the engine knows as an instance.
 *
 * @throws {UserError} when another run makes it
 */
export async function refuseBeingMade(name: string, mounts: Mounts): Promise<void> {
  const path = recordPath(mounts);
  if (!await exists(path)) return;
  using file = await Deno.open(path, { read: true, write: true });
  if (!await file.tryLock(true)) throw beingMade(name);
}

/**
 * Unmakes a creation, newest step first, and then its record. What cannot be unmade needs what was made before it: the
 * rest, and the record, stay for the next run.
 *
 * @throws what the first step that fails throws
 */
export async function unmake(engine: Engine, mounts: Mounts, creation: Creation): Promise<void> {
  const { name, run, profileBefore } = creation;
  const { host } = engine;
  // The CLI may be gone while the engine still makes the instance.
  await waitForOperations(engine, name);
  if ((await findInstance(engine, name))?.config[runKey] === run) {
    await deleteInstance(engine, name);
  }
  for (const { fingerprint } of await findImages(engine, { [runKey]: run })) await deleteImage(engine, fingerprint);
  if ((await findProfile(engine, name))?.config[runKey] === run) {
    if (profileBefore === null) await deleteProfile(engine, name);
    else await setProfile(engine, name, profileBefore);
  }
  await removeMounts(host, creation.directories);
  if (!creation.directories.includes(mounts.directory)) await restoreMounts(host, mounts, creation.mountsBefore);
  await removeRecord(mounts);
  if (creation.base !== null) await removeEmpty([creation.base]);
}

/**
 * Unmakes what a run left that was killed while it made this container, or could not unmake. Does nothing when there is none.
 *
 * @returns whether there was such a run
 * @throws {UserError} when that run is still alive
 */
export async function recoverCreation(engine: Engine, name: string, mounts: Mounts): Promise<boolean> {
  const { host } = engine;
  const path = recordPath(mounts);
  if (host.dryRun || !await exists(path)) return false;
  using file = await Deno.open(path, { read: true, write: true });
  if (!await file.tryLock(true)) throw beingMade(name);
  let creation: Creation;
  try {
    creation = JSON.parse(await Deno.readTextFile(path));
  } catch {
    // Killed before the record was whole: nothing but directories was made, and they may hold what was there before.
    await Deno.remove(path);
    return false;
  }
  if (creation.engine !== engine.cli) {
    throw new UserError(`Another run has left the container "${name}" half made on the other engine`, {
      hint: `Run it again with --engine ${creation.engine}`,
    });
  }
  host.ui.status(`Removing what another run has left of "${name}"`);
  await unmake(engine, mounts, creation);
  return true;
}

function beingMade(name: string): UserError {
  return new UserError(`The container "${name}" is being made by another run`, { hint: "Wait for it, or end it" });
}
