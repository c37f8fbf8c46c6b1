/**
 * Files that are lent to a disposable container: copies that root owns there. The container gets no access to the
 * host's own files, so it can change none. Each file is opened before anything is made, and what is lent is that very
 * file.
 */

import { basename } from "@std/path";
import { inputError, UserError } from "../../base/errors.ts";
import { checkWays, followPath, sharedByMounts, type SharedDirectories } from "../../container/source_path.ts";
import { containerPaths, type ContainerUser } from "../../container/user.ts";
import type { Host } from "../../base/host.ts";
import type { Engine, Instance } from "../../engine/engine.ts";
import { listNeighbours } from "../../engine/instance.ts";
import { pushFile } from "../../engine/instance_files.ts";

/** How much is lent at most, in bytes: all of it is copied. */
const maxLentBytes = 2 * 2 ** 30;

/** A file that is lent. */
interface LentFile {
  /** Its path on the host, absolute and without symbolic links. */
  path: string;
  /** The directories on the way to it, through links. */
  directories: readonly string[];
  /** The file itself, open for reading. */
  file: Deno.FsFile;
}

/** Files that are held open for lending. They are closed at the end of the scope of this value. */
export interface HeldFiles extends Disposable {
  /** Their paths in a container with this user, in their order. */
  pathsFor(user: ContainerUser): string[];
  /**
   * Checks that none of this machine's instances can write to a directory on the way to one of them.
   *
   * @throws {UserError} exit code 2
   */
  check(engine: Engine): Promise<void>;
  /**
   * Puts them into a container, which need not run.
   *
   * @throws {UserError} when one cannot be read to its end
   */
  lend(container: Instance, user: ContainerUser): Promise<void>;
}

/**
 * Opens files that are to be lent.
 *
 * @throws {UserError} exit code 2 for anything but a regular file that can be read, for one whose path leads through a
 * directory that a container can write to, and for more than 2 GiB
 */
export async function holdFiles(host: Host, paths: readonly string[]): Promise<HeldFiles> {
  const files: LentFile[] = [];
  using stack = new DisposableStack();
  const shared = paths.length > 0 ? await sharedByMounts(host) : undefined;
  let size = 0;
  for (const path of paths) {
    const opened = await openFile(path, shared!);
    stack.defer(() => opened.file.close());
    size += (await opened.file.stat()).size;
    files.push(opened);
  }
  if (size > maxLentBytes) {
    throw inputError(
      `The files have ${(size / 2 ** 30).toFixed(1)} GiB, and at most ${maxLentBytes / 2 ** 30} GiB are copied`,
      "Lend them to the container itself, by map.ts --read-only, and run the app there",
    );
  }
  const resources = stack.move();
  const places = placesOf(files.map(({ path }) => basename(path)));
  const pathsFor = (user: ContainerUser): string[] => places.map((place) => `${containerPaths(user).maps}/${place}`);
  return {
    pathsFor,
    async check(engine) {
      if (files.length === 0) return;
      await checkWays(files, await listNeighbours(engine));
    },
    async lend(container, user) {
      for (const [index, path] of pathsFor(user).entries()) {
        await lendFile(container, { ...files[index]!, target: path });
      }
    },
    [Symbol.dispose]: () => resources.dispose(),
  };
}

/**
 * Where files with these base names are, below the directory of lent files: the second one of a name is in a directory
 * that is called as none of them.
 */
export function placesOf(names: readonly string[]): string[] {
  return names.map((name, index) => {
    if (names.indexOf(name) === index) return name;
    let directory = `${index + 1}`;
    while (names.includes(directory)) directory += "-";
    return `${directory}/${name}`;
  });
}

/** Opens the file at a path, and makes sure that it is the one that the path led to. */
async function openFile(path: string, shared: SharedDirectories): Promise<LentFile> {
  try {
    const { path: real, directories } = await followPath(path, shared);
    const found = await Deno.lstat(real);
    if (!found.isFile) {
      throw inputError(
        `"${path}" is ${found.isDirectory ? "a directory" : "not a regular file"}`,
        "Only files can be lent",
      );
    }
    const file = await Deno.open(real);
    const opened = await file.stat();
    if (opened.isFile && opened.ino === found.ino && opened.dev === found.dev) return { path: real, directories, file };
    file.close();
    throw inputError(`"${path}" was replaced while it was opened`, "Try it again");
  } catch (error) {
    throw openError(path, error);
  }
}

function openError(path: string, error: unknown): unknown {
  if (error instanceof UserError) return error;
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return inputError(`There is no file "${path}"`, "Check its path");
  }
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return inputError(
      `The file "${path}" cannot be read`,
      "Check its permissions, and those of the directories above it",
    );
  }
  return error;
}

/** Puts one file into a container, for reading only. */
async function lendFile(instance: Instance, { path, file, target }: LentFile & { target: string }): Promise<void> {
  const options = { path: target, mode: "0444" };
  if (instance.engine.host.dryRun) return await pushFile(instance, { ...options, file: path });
  await file.seek(0, Deno.SeekMode.Start);
  let isWhole = false;
  const bytes = ReadableStream.from((async function* () {
    let sent = 0;
    const buffer = new Uint8Array(2 ** 18);
    for (let count; (count = await file.read(buffer)) !== null;) {
      sent += count;
      // The file has grown since its size was checked.
      if (sent > maxLentBytes) return;
      yield buffer.slice(0, count);
    }
    isWhole = true;
  })());
  await pushFile(instance, { ...options, stdin: { bytes } });
  if (isWhole) return;
  throw new UserError(`"${path}" cannot be read to its end`, { hint: "See whether another program writes to it" });
}
