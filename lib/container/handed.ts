/**
 * Files that one container hands over to another one, and their new versions. The run that hands one over keeps it in a
 * directory of its own, and waits. The other container gets a copy that its apps may change. When its loan ends, their
 * version is put beside the file, and the file is removed: then the waiting run asks the user whether to save that
 * version in the first container, or to discard it; without an answer it comes to the downloads, so that no work is
 * lost. How the two would abuse that, and what stops them:
 *
 * - The other one puts a link, a pipe or a device in place of its copy, makes it huge, or changes it while it is read:
 *   it is read as by `readBack`, which takes a regular file only, as its user, up to a size, and whole.
 * - It chooses a name or a place: it has no say in either. Nor has it in who asks: a version comes of a file that the
 *   first one has handed over, once, and nothing of it is opened on the host.
 * - It changes everything it gets, to have questions without end, or fill the disk: they are limited like all others, a
 *   no for the session closes the channel, and a version counts as much as a file that is handed over. Above 256 MiB
 *   none takes more than a quarter of what is free on the disk, or half while there are two of it.
 * - It puts something of its own into a version, to get it out of a closed network: the question says where from and
 *   where to.
 * - The first one hands over file after file, to be asked about, or to learn when somebody works elsewhere: only so
 *   many wait, and it learns of a version only what the user has saved.
 * - The first one puts links in the way of the version: it is written as that one's user, under a name that nothing
 *   has, and neither overwrites nor follows anything.
 * - The run of either ends meanwhile: the user is told, and what becomes of the copy comes to the downloads.
 */

import { basename, dirname, join, resolve } from "@std/path";
import { readDirectory } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { mountsRoot, privatePrefix } from "./paths.ts";

/** How large a file that is handed over may be, in bytes, and a new version of it, however full the disk is. */
export const maxHandedBytes = 256 * 2 ** 20;

/** How large a new version of one may be, in bytes: a small project can become a large video. */
export const maxVersionBytes = 2 ** 30;

/** The end of the name of each directory for a file that is handed over. */
const directoryEnd = ".out";

/** The directory for a file that a run hands over: `path` is in the private directory of the run. */
export function handedDirectory(path: string): string {
  return `${path}${directoryEnd}`;
}

/** Whether a run hands over the file at this path. */
export function isHanded(host: Pick<Host, "env">, path: string): boolean {
  const directory = dirname(path);
  const run = dirname(directory);
  return directory.endsWith(directoryEnd) && basename(run).startsWith(privatePrefix) &&
    dirname(run) === resolve(mountsRoot(host));
}

/**
 * The path for a new version of a file.
 *
 * @param label the container's, or the copy's: `[REMOTE:]NAME`. No name that a container chooses begins with a dot
 */
export function versionOf(path: string, label: string): string {
  return join(dirname(path), `.version.${label}`);
}

/** The new version of a file in this directory: its path, and the container, or copy, that made it. */
export async function findVersion(directory: string): Promise<{ path: string; madeIn: string } | undefined> {
  for (const { name } of await readDirectory(directory)) {
    // One that has not come whole has a dot behind the container's name; a remote's name may have some.
    const [, madeIn] = /^\.version\.((?:.*:)?[^.:]+)$/.exec(name) ?? [];
    if (madeIn !== undefined) return { path: join(directory, name), madeIn };
  }
  return undefined;
}
