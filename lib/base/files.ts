/**
 * Files and directories of the host: whether they exist, their modes and the free space beside them, and how they are
 * written, moved and removed.
 */

import { dirname } from "@std/path";
import { type InputError, inputError, orNothing, UserError } from "./errors.ts";
import type { Host } from "./host.ts";
import { runProcess } from "./process.ts";
import { quoteWords } from "./shell_words.ts";

/** Whether there is anything at `path`; a dangling link counts. */
export async function exists(path: string): Promise<boolean> {
  return await ifThere(Deno.lstat(path)) !== undefined;
}

/** As {@linkcode exists}; false when that cannot be checked, as in a directory without permission. */
export function isThere(path: string): Promise<boolean> {
  return exists(path).catch(() => false);
}

/** The path of a program, as a shell finds it on `$PATH`; undefined when it is not there. */
export async function findOnPath(host: Pick<Host, "env">, name: string): Promise<string | undefined> {
  for (const directory of (host.env("PATH") ?? "").split(":")) {
    const path = `${directory}/${name}`;
    if (directory !== "" && await isThere(path)) return path;
  }
  return undefined;
}

/** Awaits a promise. Resolves to undefined when it rejects because a file is missing. */
export function ifThere<T>(promise: Promise<T>): Promise<T | undefined> {
  return orNothing(promise, (error) => error instanceof Deno.errors.NotFound);
}

/** The error for a file of the user's that cannot be read. `hint`: for a missing file. */
export function unreadable(path: string, error: unknown, hint = "Check its path"): InputError {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return inputError(`There is no file "${path}"`, hint);
  }
  if (error instanceof Deno.errors.IsADirectory) return inputError(`"${path}" is a directory`, "Name a file");
  return error instanceof Deno.errors.PermissionDenied
    ? inputError(
      `"${path}" cannot be reached or read`,
      "Check its permissions, and those of the directories on its path",
    )
    : inputError(`Cannot read "${path}": ${error instanceof Error ? error.message : error}`, "Check its path");
}

/** The permission bits of a file, with its set-ID and sticky bits. */
export async function modeOf(path: string): Promise<number> {
  return (await Deno.stat(path)).mode! & 0o7777;
}

/** Writes a text file; a dry run only says so. */
export async function writeText(
  host: Pick<Host, "change">,
  path: string,
  { text, mode }: { text: string; mode: number },
): Promise<void> {
  await host.change(`write ${quoteWords([path])}`, () => Deno.writeTextFile(path, text, { mode }));
}

/** Writes all bytes: a single write may take only some of them. */
export async function writeAll(to: Pick<Deno.FsFile, "write">, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await to.write(bytes.subarray(written));
}

/** Waits until something is written. Deno names what it cannot open, not what it cannot write to. */
export function naming<T>(path: string, writing: Promise<T>): Promise<T> {
  return writing.catch((error) => {
    throw Object.assign(error, { message: `${error.message}: "${path}"` });
  });
}

/** Flushes a directory to disk: the names of its files, not their content. */
export async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path);
  await naming(path, directory.sync());
}

/** Renames a file, and flushes its new name to disk. */
export async function moveFile(from: string, to: string): Promise<void> {
  await Deno.rename(from, to);
  await syncDirectory(dirname(to));
}

/** Writes a file that only the user can open, atomically: as `PATH.new`, which is then renamed. */
export async function replaceFile(path: string, write: (file: Deno.FsFile) => Promise<void>): Promise<void> {
  const fresh = `${path}.new`;
  try {
    using file = await Deno.open(fresh, { write: true, create: true, mode: 0o600, truncate: true });
    await naming(path, write(file).then(() => file.sync()));
    await moveFile(fresh, path);
  } catch (error) {
    await removeFile(fresh).catch(() => {});
    throw error;
  }
}

/** Removes a file. Does nothing when it is already gone. */
export async function removeFile(path: string): Promise<void> {
  await ifThere(Deno.remove(path));
}

/** Removes the directories that are empty, the last one first. Ignores those that are already gone. */
export async function removeEmpty(paths: readonly string[]): Promise<void> {
  for (const path of [...paths].reverse()) await Deno.remove(path).catch(() => {});
}

/**
 * Removes a file, or a directory with everything in it; does nothing when it is already gone. Uses find(1), since Deno
 * 2.9 crashes on a directory in which a container has nested 30,000 others.
 *
 * @param options `signal`: ends it. A container can fill the directory with millions of files
 * @throws {UserError} when something cannot be removed, such as what is in a directory that a container has closed
 */
export async function removeTree(path: string, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
  if (!await exists(path)) return;
  const options = { okCodes: "any", output: { line: () => {} }, detached: true } as const;
  const { code, stderr } = await runProcess(["find", path, "-delete"], signal ? { ...options, signal } : options);
  if (code === 0 || !await exists(path)) return;
  throw new UserError(`"${path}" cannot be removed`, {
    hint: `A container may have closed a directory in it. Remove it as root: sudo rm -rf ${quoteWords([path])}`,
    output: stderr.slice(-2000),
  });
}

/** The maximum number of entries read from a directory: a container may fill those that it shares. */
const maxEntries = 10_000;

/**
 * The entries of a directory, at most ten thousand; none if the directory is missing or cannot be read.
 */
export async function readDirectory(path: string): Promise<Deno.DirEntry[]> {
  const entries: Deno.DirEntry[] = [];
  try {
    for await (const entry of Deno.readDir(path)) if (entries.push(entry) === maxEntries) break;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) throw error;
  }
  return entries;
}

/** The least free space for saving a file whose size is not known yet, in bytes. */
const minRoom = 2 ** 20;

/** The free space in the directory of a path, in bytes; undefined where the file system does not tell. */
export async function freeBytes(host: Host, path: string): Promise<number | undefined> {
  const { stdout } = await host.run(["stat", "-f", "-c", "%a %S %b", "--", dirname(path)], { okCodes: "any" });
  const [free, blockSize, all] = stdout.trim().split(" ").map(Number);
  return all ? free! * blockSize! : undefined;
}

/**
 * Checks that there is room for a file: otherwise the app would believe that it has saved it.
 *
 * @throws {UserError} when there is none
 */
export async function checkRoom(host: Host, path: string): Promise<void> {
  const free = await freeBytes(host, path);
  const { size } = await Deno.stat(path).catch(() => ({ size: 0 }));
  if (free === undefined || free + size >= minRoom) return;
  throw new UserError(`"${path}" cannot be saved: no space is left in its directory`, {
    hint: "Make room, or choose another directory",
  });
}
