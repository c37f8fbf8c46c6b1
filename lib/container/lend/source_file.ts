/** Checks which files of the host can be lent to a container, and names them there. */

import { basename, extname, resolve } from "@std/path";
import { inputError, UserError } from "../../base/errors.ts";
import { unreadable } from "../../base/files.ts";
import type { Undo } from "../../base/undo.ts";
import type { Instance } from "../../engine/engine.ts";
import { serverRecord } from "../../engine/server.ts";
import { followPath, type SharedDirectories } from "../source_path.ts";
import type { History } from "../history.ts";
import { containerPaths, type ContainerUser } from "../user.ts";
import { type FileState, type HeldFile, holdFile, isSameInode } from "./held_file.ts";
import type { LoanRecord } from "./loan.ts";

export interface SourceFile {
  /** Its path, absolute and without symbolic links. */
  path: string;
  file: HeldFile;
  /** Its state when it was checked. */
  state: FileState;
  /** The directories that its path passes through, links included. */
  directories: readonly string[];
}

export interface FileRules {
  /** The user's own ids, if only the owner may lend a file; root may lend any file. */
  user?: Pick<FileState, "uid" | "gid"> | undefined;
  shared: SharedDirectories;
}

/** How files are lent: the request to `Container.lend`. */
export interface LendRequest extends Pick<LoanRecord, "readOnly" | "session" | "handed"> {
  /** The run that lends them, and takes them back unless it lets them stay lent. */
  owner: string;
  /** Files up to this size, in bytes, are always lent as copies, which apps may replace. */
  maxCopiedBytes?: number;
  /** The files are only saved to: their content is not sent to the container. See `LentCopy`. */
  saving?: { made: boolean };
}

/** A request, and the container that the files are lent to. */
export interface LendOptions extends LendRequest {
  /** On failure, its actions take the files back. */
  undo: Undo;
  instance: Instance;
  user: ContainerUser;
  /** The history that records it. */
  history?: History;
}

/** The maximum length of a file name, in bytes, on Linux's own file systems. */
export const maxNameBytes = 255;

/** The maximum length of a device's path below `/`: the engines make a file `disk.DEVICE.PATH` for it. */
const maxPathBytes = maxNameBytes - engineSize("disk.map-0123456789.");

/**
 * Checks a file before it is lent, and holds it.
 *
 * @throws {UserError} exit code 2 unless it is a readable regular file that the user may lend, and if its path passes
 * through a directory that a container can write to
 */
export async function checkFile(path: string, { user, shared }: FileRules): Promise<SourceFile> {
  const fail = (error: unknown): never => {
    throw pathError(path, error);
  };
  const { path: real, directories } = await followPath(path, shared).catch(fail);
  using held = new DisposableStack();
  const file = await holdFile(real);
  if (!file) throw pathError(path, new Deno.errors.NotFound());
  held.use(file);
  const state = file.stat();
  if (!state.isFile()) {
    throw inputError(
      `"${path}" is ${state.isDirectory() ? "a directory" : "not a regular file"}`,
      "Only files can be lent: to share a directory, use ~/container_mounts/NAME/share",
    );
  }
  if (user && user.uid !== 0 && state.uid !== user.uid) {
    throw inputError(`The file "${path}" belongs to somebody else`, "Lend a copy: only its owner may lend a file");
  }
  // Setting the ACL would clear this bit, and only a member of the group can set it again (acl 2.3.2, Linux 6).
  if (user && user.uid !== 0 && state.mode & 0o2000 && state.gid !== user.gid) {
    throw inputError(`"${path}" is a set-group-ID file of another group than yours`, "Lend a copy");
  }
  // Only what the user can read can be lent.
  (await Deno.open(real).catch(fail)).close();
  held.move();
  return { path: real, file, state, directories };
}

/**
 * Checks files before they are lent, and holds them.
 *
 * @throws {UserError} as {@linkcode checkFile} does, and for a file that is named twice
 */
export async function checkFiles(paths: readonly string[], rules: FileRules): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  using held = new DisposableStack();
  for (const path of paths) {
    const source = await checkFile(path, rules);
    held.use(source.file);
    const same = files.find(({ state }) => isSameInode(state, source.state));
    if (same) throw inputError(`"${path}" is the same file as "${same.path}"`, "Name each file once");
    files.push(source);
  }
  held.move();
  return files;
}

/** The error for a path whose file cannot be lent. */
function pathError(path: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return inputError(`"${path}" is a file of the kernel's`, "Only files on a disk can be lent");
  }
  // Deno turns invalid UTF-8 in an argument into U+FFFD.
  return resolve(path).includes("\ufffd")
    ? inputError(`The path of "${path}" is not UTF-8 text`, "Rename it, or give the file a second name: ln OLD NEW")
    : unreadable(path, error);
}

export function newId(): string {
  return `map-${crypto.getRandomValues(new Uint8Array(5)).toHex()}`;
}

export function newLoan(
  { path, state: { dev, ino, bornMs, mode } }: Pick<SourceFile, "path" | "state">,
  { instance: { engine, name }, user, readOnly, handed, owner, session, history }: Omit<LendOptions, "undo">,
): LoanRecord {
  const id = newId();
  // In a directory of its own, so that the file can keep its name, which the app shows and sends on.
  const start = `${containerPaths(user).maps}/${id.replace("map-", "")}/`;
  // In a session, an app may save a write-protected file nevertheless: its version is put beside the file.
  const isFixed = session === undefined && (mode & 0o200) === 0;
  return {
    id,
    containerPath: start + shortName(basename(path), maxPathBytes - engineSize(start.slice(1))),
    engine: engine.cli,
    server: serverRecord(engine.server),
    instance: name,
    hostPath: path,
    owner,
    readOnly: readOnly || isFixed,
    dev,
    ino,
    bornMs,
    ...(handed ? { handed } : {}),
    ...(session === undefined ? {} : { session }),
    ...(history?.keptAs === undefined ? {} : { history: history.keptAs }),
  };
}

/** Shortens a file's name before its extension to an {@linkcode engineSize} of `size`. Never splits a character. */
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

/** How many bytes a path takes in the engines' file names, which have "-" for a slash, and "--" for "-". */
function engineSize(text: string): number {
  return new TextEncoder().encode(text.replaceAll("-", "--")).length;
}
