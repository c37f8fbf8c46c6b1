/**
 * File locks between runs. The kernel releases a lock when its process ends, however it ends. Anyone who may open a
 * file, even only for reading, can lock it and make others wait.
 */

import { abortable } from "@std/async";
import { orNothing } from "./errors.ts";
import { ifThere, naming, removeFile } from "./files.ts";
import type { Host } from "./host.ts";
import { writeJsonInto } from "./json_file.ts";

/** How long the last command of a killed run may still take effect, in milliseconds. */
export const graceMs = 1_000;

const openOptions = { read: true, write: true, create: true, mode: 0o600 } as const;

/**
 * Locks a file, and makes it if it is missing. Waits while another run holds it, which may remove it.
 *
 * @param options `signal`: ends the waiting
 * @throws the signal's reason
 */
export async function lockFile(path: string, { signal }: { signal: AbortSignal }): Promise<Deno.FsFile> {
  const file = await Deno.open(path, openOptions);
  await abortable(file.lock(true), signal).catch((error) => {
    file.close();
    throw error;
  });
  if (await isAt(path, file)) return file;
  file.close();
  return await lockFile(path, { signal });
}

/** Whether the file is still there: a lock on a removed file keeps nobody out. */
async function isAt(path: string, file: Deno.FsFile): Promise<boolean> {
  return (await ifThere(Deno.stat(path)))?.ino === (await file.stat()).ino;
}

/**
 * Calls `act` while it holds a lock, so that runs take turns. After `maxMs` it calls `act` without the lock: another
 * run may be downloading for minutes.
 *
 * @param options `path`: a file that is never removed; `maxMs`: in milliseconds
 * @throws the reason of the host's signal
 */
export async function inTurn<T>(
  host: Pick<Host, "look" | "signal">,
  { path, act, maxMs = 10_000 }: { path: string; act: () => Promise<T>; maxMs?: number },
): Promise<T> {
  const over = AbortSignal.timeout(maxMs);
  const waiting = host.look(undefined, () => lockFile(path, { signal: AbortSignal.any([host.signal, over]) }));
  using _turn = await orNothing(waiting, () => over.aborted && !host.signal.aborted);
  return await act();
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
  if (await file.tryLock(true) && await isAt(path, file)) return file;
  file.close();
  return undefined;
}

/**
 * Records what this run is about to do in a file that it locks: if the run is killed, the next one undoes it. A record
 * that can be locked belongs to a dead run; one that is not JSON was being written when its run was killed.
 *
 * @returns undefined when another run holds the file
 * @throws when it cannot be written; the file is removed then
 */
export async function claimRecord(path: string, record: unknown): Promise<Deno.FsFile | undefined> {
  const file = await claimFile(path);
  const written = file && naming(path, file.truncate().then(() => writeJsonInto(file, record)).then(() => file.sync()));
  await written?.catch(async (error) => {
    await removeFile(path);
    release(file);
    throw error;
  });
  return file;
}

/**
 * Releases a lock at once. Closing the file is not enough: a program that is just being started has it open until
 * exec(2).
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
