/** Which files of the host can be mapped into a container, and what they are called there. */

import { basename, extname, resolve } from "@std/path";
import { inputError, UserError } from "../base/errors.ts";
import { type FileState, type HeldFile, holdFile, isSameInode } from "./held_file.ts";
import type { UserIds } from "./journal.ts";
import type { LendOptions } from "./lending.ts";
import type { Loan } from "./loan.ts";
import { serverRecord } from "../engine/server_record.ts";
import { followPath, type SharedDirectories } from "../container/source_path.ts";
import { containerPaths, type ContainerUser } from "../container/user.ts";

/** A file that can be mapped. */
export interface SourceFile {
  /** Its path, absolute and without symbolic links. */
  path: string;
  /** The file itself. */
  file: HeldFile;
  /** What it was when it was checked. */
  state: FileState;
  /** The directories on the way to it, through links. */
  directories: readonly string[];
}

/** What decides whether a file can be mapped. */
export interface FileRules {
  /** The user's own ids; root may map anybody's files. */
  user: UserIds;
  /** The directories that containers can write to. */
  shared: SharedDirectories;
}

/** Longest name of a file, in bytes, on Linux's own file systems. */
export const maxNameBytes = 255;

/** The longest path below `/` where the engines can mount a device: they keep a file `disk.DEVICE.PATH` for it. */
const maxPathBytes = maxNameBytes - engineSize("disk.map-0123456789.");

/**
 * Checks a file that is to be mapped, and holds it.
 *
 * @throws {UserError} exit code 2 for anything but a readable regular file of the user's own, and for one whose path
 * leads through a directory that a container can write to
 */
export async function checkFile(path: string, { user, shared }: FileRules): Promise<SourceFile> {
  const { path: real, directories } = await follow(path, shared);
  const file = await holdFile(real);
  if (!file) throw await noFileError(path);
  const state = file.stat();
  try {
    if (!state.isFile) {
      throw inputError(
        `"${path}" is ${state.isDirectory ? "a directory" : "not a regular file"}`,
        "Only files can be mapped",
      );
    }
    if (user.uid !== 0 && state.uid !== user.uid) {
      throw inputError(`The file "${path}" belongs to somebody else`, "Map a copy: only its owner may lend a file");
    }
    // Setting the ACL would take this bit away, and only a member of the group can set it again (acl 2.3.2, Linux 6).
    if (user.uid !== 0 && state.mode & 0o2000 && state.gid !== user.gid) {
      throw inputError(`"${path}" is a set-group-ID file of another group than yours`, "Map a copy");
    }
    await checkReadable(path, real);
  } catch (error) {
    file.close();
    throw error;
  }
  return { path: real, file, state, directories };
}

/**
 * Checks files that are to be mapped, and holds them.
 *
 * @throws {UserError} as {@linkcode checkFile} does, and for a file that is named twice
 */
export async function checkFiles(paths: readonly string[], rules: FileRules): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for (const path of paths) {
    const file = await checkFile(path, rules);
    const same = files.find(({ state }) => isSameInode(state, file.state));
    if (same) throw inputError(`"${path}" is the same file as "${same.path}"`, "Name each file once");
    files.push(file);
  }
  return files;
}

async function follow(path: string, shared: SharedDirectories): ReturnType<typeof followPath> {
  try {
    return await followPath(path, shared);
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      throw await noFileError(path);
    }
    throw unreachableError(path, error);
  }
}

/** The error for a path without a file. Deno turns what is not UTF-8 in an argument into U+FFFD. */
async function noFileError(path: string): Promise<Error> {
  const whole = path.startsWith("/") ? path : resolve(path);
  if (!whole.includes("\ufffd")) return inputError(`There is no file "${path}"`, "Check its path");
  const isThere = await Deno.lstat(path).then(() => true, () => false);
  return isThere
    ? inputError(`"${path}" leads to no file`, "Check its path")
    : inputError(`The path of "${path}" is not UTF-8 text`, "Rename it, or give the file a second name: ln OLD NEW");
}

async function checkReadable(path: string, real: string): Promise<void> {
  try {
    (await Deno.open(real)).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw unreachableError(path, error);
    throw inputError(`The file "${path}" cannot be read`, "Only what you can read yourself can be mapped");
  }
}

function unreachableError(path: string, error: unknown): Error {
  if (error instanceof Deno.errors.NotCapable) {
    return inputError(`"${path}" is a file of the kernel's`, "Only files on a disk can be mapped");
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return inputError(`"${path}" cannot be reached`, "Check the permissions of the directories on its path");
  }
  return inputError(`Cannot look at "${path}": ${error instanceof Error ? error.message : error}`, "Check its path");
}

/** A new place for a file in the container: a name for its record and device, and a path in the user's home that nothing else has. */
export function newPlace(path: string, user: ContainerUser): { id: string; containerPath: string } {
  const digits = [...crypto.getRandomValues(new Uint8Array(5))].map((byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
  const start = `${containerPaths(user).maps}/${digits}-`;
  const name = shortName(basename(path), maxPathBytes - engineSize(start.slice(1)));
  return { id: `map-${digits}`, containerPath: `${start}${name}` };
}

/** The record of a file that is to be lent. */
export function newLoan(
  { path, state: { dev, ino, bornMs } }: Pick<SourceFile, "path" | "state">,
  { engine, instance, user, readOnly, owner, session }: LendOptions,
): Loan {
  return {
    ...newPlace(path, user),
    ...{ engine: engine.cli, server: serverRecord(engine.server), instance, hostPath: path, readOnly, owner },
    ...{ dev, ino, bornMs },
    ...(session === undefined ? {} : { session }),
  };
}

/** A file's name, cut before its extension and between characters to an {@linkcode engineSize} of at most `size`. */
export function shortName(name: string, size: number): string {
  if (engineSize(name) <= size) return name;
  const extension = engineSize(extname(name)) <= 16 ? extname(name) : "";
  let stem = "";
  for (const character of name.slice(0, name.length - extension.length)) {
    if (engineSize(stem + character + extension) > size) break;
    stem += character;
  }
  return stem + extension;
}

/** How many bytes a path takes in a file name of the engines, where a slash is written as "-", and "-" as "--". */
function engineSize(text: string): number {
  return new TextEncoder().encode(text.replaceAll("-", "--")).length;
}
