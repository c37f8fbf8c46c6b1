/**
 * Resolves paths of files link by link. A container can put a link to any file of the user into a directory that it can
 * write to, so no name is followed, or even looked up, in such a directory.
 */

import { dirname, join, resolve } from "@std/path";
import { inputError } from "../base/errors.ts";
import { readDirectory } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { mountsIn, mountsRoot, privatePrefix } from "./paths.ts";
import type { InstanceInfo } from "../engine/instance.ts";

/** The maximum number of links in a path, as on Linux (path_resolution(7)). */
const maxLinks = 40;

/**
 * Directories of the host that containers can write to, as `device:inode`. Every path to a file below one passes
 * through its inode.
 */
export type SharedDirectories = ReadonlySet<string>;

/** The shared directories of all containers below `$GUI_CONTAINER_MOUNTS`. No engine is asked. */
export async function sharedByMounts(host: Host): Promise<SharedDirectories> {
  const root = mountsRoot(host);
  const entries = await readDirectory(root);
  const names = entries.filter(({ isDirectory, isSymlink }) => isDirectory || isSymlink).map(({ name }) => name)
    .filter((name) => !name.startsWith(privatePrefix));
  return await directoryIdentities(names.flatMap((name) => [join(root, name), ...mountsIn(host, name).shared]));
}

/** The directories of the host that these instances can write to, by their own devices or those of their profiles. */
export async function sharedByDevices(
  instances: readonly Pick<InstanceInfo, "expanded_devices">[],
): Promise<SharedDirectories> {
  const disks = instances.flatMap(({ expanded_devices }) => Object.values(expanded_devices)).filter(
    ({ type, source, readonly }) => type === "disk" && source?.startsWith("/") && readonly !== "true",
  );
  return await directoryIdentities(disks.map(({ source }) => source!));
}

/** The directories among these paths: a lent file is a disk device, too, and another run may remove a directory. */
async function directoryIdentities(paths: readonly string[]): Promise<SharedDirectories> {
  const found = await Promise.all(paths.map((path) => Deno.stat(path).catch(() => undefined)));
  return new Set(found.flatMap((info) => info?.isDirectory ? [identityOf(info)] : []));
}

function identityOf({ dev, ino }: Deno.FileInfo): string {
  return `${dev}:${ino}`;
}

/**
 * Checks that none of the instances can write to the directories that the paths of files pass through.
 *
 * @throws {UserError} exit code 2
 */
export async function checkWays(
  files: readonly { path: string; directories: readonly string[] }[],
  instances: readonly Pick<InstanceInfo, "expanded_devices">[],
): Promise<void> {
  const shared = await sharedByDevices(instances);
  for (const { path, directories } of files) {
    for (const directory of directories) await refuseShared(directory, { path, shared });
  }
}

/**
 * Resolves a path as the kernel does.
 *
 * @param path as the user gives it
 * @returns the path without links, and all directories in which a name was looked up
 * @throws {UserError} exit code 2 as soon as the path enters a shared directory
 * @throws {Deno.errors.NotFound} and other errors of the operating system
 */
export async function followPath(
  path: string,
  shared: SharedDirectories,
): Promise<{ path: string; directories: string[] }> {
  const directories: string[] = [];
  let at = "/";
  let links = 0;
  // Not normalized: after a link, ".." is not the directory that it seems to be.
  let rest = namesOf(path.startsWith("/") ? path : `${resolve(".")}/${path}`);
  for (let name; (name = rest.shift()) !== undefined;) {
    if (name === "..") {
      at = dirname(at);
      continue;
    }
    if (directories.at(-1) !== at) {
      await refuseShared(at, { path, shared });
      directories.push(at);
    }
    const next = join(at, name);
    if (!(await Deno.lstat(next)).isSymlink) {
      at = next;
      continue;
    }
    if (++links > maxLinks) throw inputError(`"${path}" leads through too many links`, "Check its path");
    const target = await Deno.readLink(next);
    if (target.startsWith("/")) at = "/";
    rest = [...namesOf(target), ...rest];
  }
  return { path: at, directories };
}

/**
 * Checks that no container can write to a directory.
 *
 * @param options `path`: the path that leads there, for the error
 * @throws {UserError} exit code 2
 */
async function refuseShared(
  directory: string,
  { path, shared }: { path: string; shared: SharedDirectories },
): Promise<void> {
  if (!shared.has(identityOf(await Deno.stat(directory)))) return;
  throw inputError(
    `"${path}" is in a directory that a container can write to, or leads through one`,
    "A container may have put a link to another file there. Copy the file to a directory of your own, and look at the copy",
  );
}

/**
 * Resolves the directory of a path, and checks that no container can write to it.
 *
 * @throws as {@linkcode followPath} does
 */
export async function followDirectory(host: Host, path: string): Promise<string> {
  const shared = await sharedByMounts(host);
  const { path: directory } = await followPath(dirname(path), shared);
  await refuseShared(directory, { path, shared });
  return directory;
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}
