/**
 * Records on disk: JSON in files that only the user can open, and locks that keep other runs away from them. The kernel
 * releases a lock when the process ends, in whatever way. Whoever may open a file, even only to read it, can lock it
 * and make others wait.
 */

import { abortable } from "@std/async";
import { dirname } from "@std/path";
import { ifThere, isAt } from "./files.ts";

/** How long the last command of a killed run may still take effect, in milliseconds. */
export const settleMs = 1_000;

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

/** Writes a record to disk, whole or not at all: `PATH.new` replaces what was there. */
export async function writeRecord(path: string, value: unknown): Promise<void> {
  {
    using file = await Deno.open(`${path}.new`, { ...openOptions, truncate: true });
    await writeInto(file, value);
  }
  await Deno.rename(`${path}.new`, path);
}

/** Writes a record into an open file, and to disk. A run that is killed meanwhile leaves a damaged one. */
export async function writeInto(file: Deno.FsFile, value: unknown): Promise<void> {
  await file.truncate();
  await writeAll(file, new TextEncoder().encode(JSON.stringify(value)));
  await file.sync();
}

/** Writes all of some bytes: a single write may write less. */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
}

/** The content of a record; undefined when it is missing, null when it is not JSON. */
export async function readRecord(path: string): Promise<unknown> {
  const text = await ifThere(Deno.readTextFile(path));
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return null;
  }
}

/** Writes the list of a directory's files to disk. */
export async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path);
  await directory.sync();
}

/** Renames a file, also on disk. */
export async function moveFile(from: string, to: string): Promise<void> {
  await Deno.rename(from, to);
  await syncDirectory(dirname(to));
}

/** Removes a file. Does nothing when it is already gone. */
export async function removeFile(path: string): Promise<void> {
  await ifThere(Deno.remove(path));
}
