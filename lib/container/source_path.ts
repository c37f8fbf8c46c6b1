/**
 * The way of a path to its file, link by link. A container can put a link to any file of the user's into a directory
 * that it can write. So nothing is followed, and not even looked at, in such a directory.
 */

import { dirname, join, resolve } from "@std/path";
import { inputError } from "../base/errors.ts";
import { readDirectory } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { mountsIn, mountsRoot, privatePrefix } from "./paths.ts";
import type { InstanceInfo } from "../engine/instance.ts";

/** How many links a path may have, as on Linux (path_resolution(7)). */
const maxLinks = 40;

/**
 * Directories of the host that containers can write to: their inodes, as `device:inode`. The way to what is below one
 * leads through it, by whatever path.
 */
export type SharedDirectories = ReadonlySet<string>;

/** The directories of all containers below `$GUI_CONTAINER_MOUNTS`. No engine is asked. */
export async function sharedByMounts(host: Host): Promise<SharedDirectories> {
  const root = mountsRoot(host);
  const entries = await readDirectory(root);
  const names = entries.filter(({ isDirectory, isSymlink }) => isDirectory || isSymlink).map(({ name }) => name)
    .filter((name) => !name.startsWith(privatePrefix));
  return await directoryIdentities(names.flatMap((name) => [join(root, name), ...mountsIn(host, name).shared]));
}

/** The directories of the host that these instances can write to, by devices of their own or of their profiles. */
export async function sharedByDevices(
  instances: readonly Pick<InstanceInfo, "expanded_devices">[],
): Promise<SharedDirectories> {
  const disks = instances.flatMap(({ expanded_devices }) => Object.values(expanded_devices)).filter(
    ({ type, source, readonly }) => type === "disk" && source?.startsWith("/") && readonly !== "true",
  );
  const directories: string[] = [];
  for (const { source } of disks) {
    // Lent files are disk devices as well: only directories count.
    if ((await Deno.stat(source!).catch(() => undefined))?.isDirectory) directories.push(source!);
  }
  return await directoryIdentities(directories);
}

async function directoryIdentities(directories: readonly string[]): Promise<SharedDirectories> {
  // Another run may remove one at any moment.
  const identities = await Promise.all(directories.map((path) => identityOf(path).catch(() => undefined)));
  return new Set(identities.filter((identity) => identity !== undefined));
}

async function identityOf(directory: string): Promise<string> {
  const { dev, ino } = await Deno.stat(directory);
  return `${dev}:${ino}`;
}

/**
 * Checks that none of the instances can write in the directories on the ways to files.
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
 * Follows a path as the kernel does.
 *
 * @param path as the user gives it
 * @returns the path without links, and each directory in which a name was looked up
 * @throws {UserError} exit code 2 as soon as the way leads into a shared directory
 * @throws {Deno.errors.NotFound} and other errors of the operating system
 */
export async function followPath(
  path: string,
  shared: SharedDirectories,
): Promise<{ path: string; directories: string[] }> {
  const directories: string[] = [];
  let at = "/";
  let links = 0;
  // Not normalized: after a link, ".." leads to another directory than it seems.
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
 * @param options `path`: what leads there, for the error
 * @throws {UserError} exit code 2
 */
async function refuseShared(
  directory: string,
  { path, shared }: { path: string; shared: SharedDirectories },
): Promise<void> {
  if (!shared.has(await identityOf(directory))) return;
  throw inputError(
    `"${path}" is in a directory that a container can write to, or leads through one`,
    "A container may have put a link to another file there. Copy the file to a directory of your own, and look at the copy",
  );
}

/**
 * The directory of a path, without links: one that no container can write to.
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
