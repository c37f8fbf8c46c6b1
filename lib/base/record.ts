/**
 * Records on disk: JSON in files that nobody but the user can open, and the locks by which a run keeps others from
 * them. The kernel ends a lock with the process, however that ends. Who may open a file, if only to read it, may lock it
 * and have the others wait.
 */

import { abortable } from "@std/async";
import { dirname } from "@std/path";
import { ifThere, isAt } from "./files.ts";

/** How long after a run was killed what it had started last may still take effect, in milliseconds. */
export const settleMs = 1_000;

const openOptions = { read: true, write: true, create: true, mode: 0o600 } as const;

/**
 * Locks a file, which is made if it is not there, and is never removed. Waits for the run that holds it.
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
 * Locks a file that is removed by the run that has locked it, without waiting.
 *
 * @param options `create`: makes it if it is not there
 * @returns undefined when another run holds it, or has just removed it
 * @throws {Deno.errors.NotFound} without `create`
 */
export async function claimFile(
  path: string,
  { create = true }: { create?: boolean } = {},
): Promise<Deno.FsFile | undefined> {
  const file = await Deno.open(path, { ...openOptions, create });
  // A lock on a file that its holder has removed keeps nobody out.
  if (await file.tryLock(true) && await isAt(file, path)) return file;
  file.close();
  return undefined;
}

/**
 * Ends a lock at once. Closing the file alone would leave it to a program that is just being started: that has the file
 * until it is executed.
 */
export function release(file: Deno.FsFile | undefined): void {
  file?.unlockSync();
  file?.close();
}

/** Whether a run holds a file by {@linkcode claimFile}. */
export async function isClaimed(path: string): Promise<boolean> {
  using file = await ifThere(Deno.open(path, { write: true }));
  return file !== undefined && !await file.tryLock(true);
}

/** Writes a record, whole or not at all: `PATH.new` takes the place of what was there. It is on disk then. */
export async function writeRecord(path: string, value: unknown): Promise<void> {
  {
    using file = await Deno.open(`${path}.new`, { ...openOptions, truncate: true });
    await writeInto(file, value);
  }
  await Deno.rename(`${path}.new`, path);
}

/** Writes a record into an open file, and to disk. A run that is killed meanwhile leaves a torn one. */
export async function writeInto(file: Deno.FsFile, value: unknown): Promise<void> {
  await file.truncate();
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
  await file.sync();
}

/** What a record says; undefined when there is none, null when it is torn or no JSON. */
export async function readRecord(path: string): Promise<unknown> {
  const text = await ifThere(Deno.readTextFile(path));
  try {
    return text && JSON.parse(text);
  } catch {
    return null;
  }
}

/** Brings to disk which files are in a directory. */
export async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path);
  await directory.sync();
}

/** Gives a file its final name, on disk. */
export async function moveFile(from: string, to: string): Promise<void> {
  await Deno.rename(from, to);
  await syncDirectory(dirname(to));
}

/** Removes a file. Nothing happens when it is gone already. */
export async function removeFile(path: string): Promise<void> {
  await ifThere(Deno.remove(path));
}
