/**
 * Files that one container hands over to another, and their new versions. The run of the first container keeps the file
 * in a directory of its own, and waits. The second container gets a copy that its apps may change. When that loan ends,
 * the changed copy is put beside the file, and the file is removed. Then the waiting run asks the user whether to save
 * the new version in the first container, or to discard it; without an answer it is saved in the downloads, so that no
 * work is lost. How the two containers would abuse that, and what stops them:
 *
 * - The second puts a link, a pipe or a device in place of its copy, makes it huge, or changes it while it is read: as
 *   with `readBack`, only a regular file is read, as the container's user, up to a maximum size, all or nothing.
 * - It wants to choose a name, a place, or who is asked: it has no say in these. Each file that the first hands over
 *   has at most one new version, and the host never opens it.
 * - It changes every file it gets, to flood the user with questions or fill the disk: questions are limited like all
 *   others, a no for the session closes the channel, and a version counts like a file that is handed over. Above 256
 *   MiB, a version may take at most a quarter of the free disk space, or half while there are two copies of it.
 * - It puts data of its own into a version, to get it out of a closed network: the question says where the version
 *   comes from and where it goes.
 * - The first hands over file after file, to cause questions, or to learn when the user works elsewhere: the number of
 *   waiting files is limited, and it learns of a version only when the user saves it.
 * - The first puts links in the way of the version: the version is written as that container's user, under an unused
 *   name, and neither overwrites a file nor follows a link.
 * - Either run ends early: the user is told, and the changed copy is saved in the downloads.
 */

import { basename, dirname, join, resolve } from "@std/path";
import { readDirectory } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { mountsRoot, privatePrefix } from "./paths.ts";

/** The maximum size of a file that is handed over, in bytes. Its new version may be as large on any disk. */
export const maxHandedBytes = 256 * 2 ** 20;

/** The maximum size of a new version, in bytes: a small project can become a large video. */
export const maxVersionBytes = 2 ** 30;

/** The suffix of a directory for a file that is handed over. */
const directoryEnd = ".out";

/** The directory for a file that a run hands over. `path` is in the run's private directory. */
export function handedDirectory(path: string): string {
  return `${path}${directoryEnd}`;
}

/** Whether a run is handing over the file at this path. */
export function isHanded(host: Pick<Host, "env">, path: string): boolean {
  const directory = dirname(path);
  const run = dirname(directory);
  return directory.endsWith(directoryEnd) && basename(run).startsWith(privatePrefix) &&
    dirname(run) === resolve(mountsRoot(host));
}

/**
 * The path for a new version of a file.
 *
 * @param label the container's, or the copy's: `[REMOTE:]NAME`. A container cannot choose a name that begins with a dot
 */
export function versionOf(path: string, label: string): string {
  return join(dirname(path), `.version.${label}`);
}

/** The new version in this directory: its path, and the label of the container, or copy, that made it. */
export async function findVersion(directory: string): Promise<{ path: string; madeIn: string } | undefined> {
  for (const { name } of await readDirectory(directory)) {
    // An incomplete version has a dot behind the container's name; the name of a remote may contain dots.
    const [, madeIn] = /^\.version\.((?:.*:)?[^.:]+)$/.exec(name) ?? [];
    if (madeIn !== undefined) return { path: join(directory, name), madeIn };
  }
  return undefined;
}
