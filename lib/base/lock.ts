/**
 * Locks, which keep other runs away from what they stand for. The kernel releases a lock when the process ends, in
 * whatever way. Whoever may open a file, even only to read it, can lock it and make others wait.
 */

import { abortable } from "@std/async";
import { ifThere, isAt, removeFile } from "./files.ts";
import { writeJsonInto } from "./json_file.ts";

/** How long the last command of a killed run may still take effect, in milliseconds. */
export const graceMs = 1_000;

const openOptions = { read: true, write: true, create: true, mode: 0o600 } as const;

/**
 * Locks a file that is never removed, and makes it if it is missing. Waits for a run that holds it.
 *
 * @param options `signal`: ends the waiting
 * @throws the signal's reason
 */
export async function lockFile(path: string, { signal }: { signal?: AbortSignal } = {}): Promise<Deno.FsFile> {
  const file = await Deno.open(path, openOptions);
  try {
    const locked = file.lock(true);
    await (signal ? abortable(locked, signal) : locked);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * Locks a file without waiting. The run that holds the lock may remove the file.
 *
 * @param options `create`: make it if it is missing
 * @returns undefined when another run holds it, or has just removed it
 * @throws {Deno.errors.NotFound} without `create`
 */
export async function claimFile(
  path: string,
  { create = true }: { create?: boolean } = {},
): Promise<Deno.FsFile | undefined> {
  const file = await Deno.open(path, { ...openOptions, create });
  // A lock on a removed file keeps nobody out.
  if (await file.tryLock(true) && await isAt(file, path)) return file;
  file.close();
  return undefined;
}

/**
 * Records what this run is about to do in a file that it locks: if the run is killed, the next one undoes it. A record
 * that can be locked belongs to a dead run; one that is not JSON was being written when its run was killed.
 *
 * @returns undefined when another run holds the file
 * @throws when it cannot be written. Then it is not there
 */
export async function claimRecord(path: string, record: unknown): Promise<Deno.FsFile | undefined> {
  const file = await claimFile(path);
  try {
    if (file) await writeJsonInto(file, path, record);
    return file;
  } catch (error) {
    await removeFile(path);
    release(file);
    throw error;
  }
}

/**
 * Releases a lock at once. After closing alone, a program that is just being started would hold it: it has the file
 * open until exec(2).
 */
export function release(file: Deno.FsFile | undefined): void {
  file?.unlockSync();
  file?.close();
}

/** Whether a run holds a file that it locked with {@linkcode claimFile}. */
export async function isClaimed(path: string): Promise<boolean> {
  using file = await ifThere(Deno.open(path, { write: true }));
  return file !== undefined && !await file.tryLock(true);
}
