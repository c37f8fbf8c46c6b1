/**
 * Files that are lent to a disposable container: copies owned by its root. The container gets no access to the host's
 * own files, so it cannot change them. Each file is opened before the container is made, and exactly that file is lent.
 */

import { basename } from "@std/path";
import { inputError, UserError } from "../../base/errors.ts";
import { piecesOf } from "../../container/lend/content.ts";
import { openInode } from "../../container/lend/held_file.ts";
import { checkFile, type SourceFile } from "../../container/lend/source_file.ts";
import { checkWays, sharedByMounts } from "../../container/source_path.ts";
import { containerPaths, type ContainerUser } from "../../container/user.ts";
import type { Host } from "../../base/host.ts";
import type { Engine, Instance } from "../../engine/engine.ts";
import { listNeighbours } from "../../engine/instance.ts";
import { pushFile } from "../../engine/instance_files.ts";

/** How much may be lent, in bytes: all of it is copied. */
const maxLentBytes = 2 * 2 ** 30;

type OpenFile = Omit<SourceFile, "file"> & { file: Deno.FsFile };

/** Files that are held open for lending, until the end of this value's scope. */
export interface HeldFiles extends Disposable {
  /** Their paths in a container with this user, in order. */
  pathsFor(user: ContainerUser): string[];
  /**
   * Checks that no instance on this machine can write to a directory on the path of one of them.
   *
   * @throws {UserError} exit code 2
   */
  check(engine: Engine): Promise<void>;
  /**
   * Copies them into a container, which need not run.
   *
   * @throws {UserError} when a file cannot be read to its end
   */
  lend(container: Instance, user: ContainerUser): Promise<void>;
}

/**
 * Opens files for lending.
 *
 * @throws {UserError} exit code 2 for anything but a readable regular file, for a path through a directory that a
 * container can write to, and for more than 2 GiB
 */
export async function holdFiles(host: Host, paths: readonly string[]): Promise<HeldFiles> {
  const files: OpenFile[] = [];
  using stack = new DisposableStack();
  const shared = paths.length > 0 ? await sharedByMounts(host) : undefined;
  let size = 0;
  for (const path of paths) {
    const checked = await checkFile(path, { shared: shared! });
    using _held = checked.file;
    const file = await openInode(checked.path, checked.state);
    if (!file) throw inputError(`"${path}" was replaced while it was opened`, "Try it again");
    stack.use(file);
    size += checked.state.size;
    files.push({ ...checked, file });
  }
  if (size > maxLentBytes) {
    throw inputError(
      `The files have ${(size / 2 ** 30).toFixed(1)} GiB, and at most ${maxLentBytes / 2 ** 30} GiB are copied`,
      "Lend them to the container itself, by map.ts --read-only, and run the app there",
    );
  }
  const lentPaths = lentPathsOf(files.map(({ path }) => basename(path)));
  const pathsFor = (user: ContainerUser): string[] => lentPaths.map((path) => `${containerPaths(user).maps}/${path}`);
  return Object.assign(stack.move(), {
    pathsFor,
    async check(engine: Engine) {
      if (files.length === 0) return;
      await checkWays(files, await listNeighbours(host, engine));
    },
    async lend(container: Instance, user: ContainerUser) {
      for (const [index, path] of pathsFor(user).entries()) {
        await lendFile(host, container, { ...files[index]!, target: path });
      }
    },
  });
}

/**
 * The paths of files with these base names, below the directory of lent files. A second file of the same name gets a
 * directory of its own, with a name that no file has.
 */
export function lentPathsOf(names: readonly string[]): string[] {
  return names.map((name, index) => {
    if (names.indexOf(name) === index) return name;
    let directory = `${index + 1}`;
    while (names.includes(directory)) directory += "-";
    return `${directory}/${name}`;
  });
}

async function lendFile(
  host: Host,
  instance: Instance,
  { path, file, target }: OpenFile & { target: string },
): Promise<void> {
  let isWhole = false;
  const bytes = ReadableStream.from((async function* () {
    for await (const piece of piecesOf(file, maxLentBytes)) yield piece.slice();
    // The file may have grown since its size was checked.
    isWhole = await file.read(new Uint8Array(1)) === null;
  })());
  await pushFile(host, instance, { path: target, mode: "0444", stdin: { bytes, from: path } });
  if (await host.look(true, () => isWhole)) return;
  throw new UserError(`"${path}" cannot be read to its end`, { hint: "See whether another program writes to it" });
}
