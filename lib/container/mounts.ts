/** The directories that a container shares with the host, and who may use them. */

import { basename, dirname, join } from "@std/path";
import { inputError, ProcessError, UserError } from "../base/errors.ts";
import type { Device } from "../engine/instance.ts";
import type { Host } from "../base/host.ts";
import { quoteWords } from "../base/shell_words.ts";
import { exists, modeOf, removeEmpty, removeTree } from "../base/files.ts";
import { containerPaths } from "./ours.ts";

/** The paths of one container on the host. Only `xpra` and `share` are seen by the container. */
export interface Mounts {
  /** `MOUNTS/NAME`. */
  directory: string;
  /** Sockets and logs of sessions; `/home/ubuntu/.xpra` in the container. */
  xpra: string;
  /** Files for both; `/home/ubuntu/share` in the container. */
  share: string;
  /** The container's SSH host keys. */
  knownHosts: string;
}

/**
 * The paths for a container: below `$GUI_CONTAINER_MOUNTS`, or `$HOME/container_mounts`.
 *
 * @throws {UserError} exit code 2 when neither variable is set
 */
export function mountsOf(host: Host, name: string): Mounts {
  const home = host.env("HOME");
  const base = host.env("GUI_CONTAINER_MOUNTS") ?? (home && join(home, "container_mounts"));
  if (!base) throw inputError("Neither $GUI_CONTAINER_MOUNTS nor $HOME is set", "Set one of them");
  if (!base.startsWith("/")) {
    throw inputError(`$GUI_CONTAINER_MOUNTS is no absolute path: "${base}"`, "Start it with /");
  }
  // Deno parts lists of paths by commas; ssh has the others in its own way in the settings that name a file.
  // deno-lint-ignore no-control-regex
  if (/[,"\\$\x00-\x1f\x7f]/.test(base)) {
    throw inputError(
      `The directories of containers cannot be in "${base}"`,
      'Set $GUI_CONTAINER_MOUNTS to a path without commas, ", \\, $ and control characters',
    );
  }
  const directory = join(base, name);
  return {
    directory,
    xpra: join(directory, "xpra"),
    share: join(directory, "share"),
    knownHosts: join(directory, "known_hosts"),
  };
}

/** The disk devices that show the directories to the container. */
export function mountDevices(mounts: Mounts): Record<string, Device> {
  const disk = (source: string, path: string): Device => ({ type: "disk", source, path });
  return { xpra: disk(mounts.xpra, containerPaths.xpra), share: disk(mounts.share, containerPaths.share) };
}

/**
 * Makes the directories that are not there yet. Returns those it made below `MOUNTS`, outermost first, for undoing.
 */
export async function makeMounts(host: Host, mounts: Mounts): Promise<string[]> {
  const missing: string[] = [];
  for (const path of [mounts.directory, mounts.xpra, mounts.share]) {
    if (!await exists(path)) missing.push(path);
  }
  if (missing.length > 0) {
    await host.change(`mkdir -p ${quoteWords(missing)}`, async () => {
      for (const path of missing) await Deno.mkdir(path, { recursive: true, mode: 0o755 });
    });
  }
  return missing;
}

/** What there was of the directories before: what {@linkcode restoreMounts} needs. */
export interface MountsBefore {
  /** Path, mode and ACL, as `getfacl` describes it, of each directory that was there. */
  directories: { path: string; mode: number; acl: string }[];
  /** The pinned host keys and the mode of their file; null when there were none. */
  knownHosts: { text: string; mode: number } | null;
}

/** Looks at what is there already and will be changed: modes and ACLs of the directories, the pinned host keys. */
export async function saveMounts(host: Host, mounts: Mounts): Promise<MountsBefore> {
  const directories = [];
  for (const path of [mounts.xpra, mounts.share]) {
    if (!await exists(path)) continue;
    const { stdout } = await host.run(["getfacl", "-cnpE", "--", path]);
    directories.push({ path, mode: await modeOf(path), acl: stdout });
  }
  const knownHosts = await exists(mounts.knownHosts)
    ? { text: await Deno.readTextFile(mounts.knownHosts), mode: await modeOf(mounts.knownHosts) }
    : null;
  return { directories, knownHosts };
}

/** Puts modes, ACLs and pinned host keys back as {@linkcode saveMounts} found them. */
export async function restoreMounts(host: Host, mounts: Mounts, before: MountsBefore): Promise<void> {
  for (const { path, mode, acl } of before.directories) {
    if (!await exists(path)) continue;
    // Default entries stay when none are set, unless they are removed first (acl 2.3.2).
    await host.run(["setfacl", "--remove-default", "--set-file=-", "--", path], { stdin: { text: acl } });
    // An ACL has no set-id and sticky bits.
    await Deno.chmod(path, mode);
  }
  if (before.knownHosts !== null) {
    const { text, mode } = before.knownHosts;
    await Deno.writeTextFile(mounts.knownHosts, text, { mode });
  } else if (await exists(mounts.knownHosts)) {
    await Deno.remove(mounts.knownHosts);
  }
}

/**
 * Checks that the directories can be made and ACLs set there, before anything is made.
 *
 * @throws {UserError} for a file in their place, a file system without ACLs, or a directory that may not be written; 127
 * without `setfacl`
 */
export async function checkAclSupport(host: Host, mounts: Mounts): Promise<void> {
  if (host.dryRun) return;
  for (const path of [mounts.directory, mounts.xpra, mounts.share]) {
    if ((await Deno.stat(path).catch(() => undefined))?.isDirectory === false) {
      throw new UserError(`"${path}" is no directory`, { hint: "Move it away, or choose another name" });
    }
  }
  const base = dirname(mounts.directory);
  const isNew = !await exists(base);
  // Always the same for one container, so that the next run takes away what one that was killed has left.
  const probe = join(base, `.gui-container-${basename(mounts.directory)}`);
  try {
    await Deno.mkdir(probe, { recursive: true });
  } catch (error) {
    throw new UserError(`Cannot make directories in "${base}": ${error instanceof Error ? error.message : error}`, {
      hint: "Set $GUI_CONTAINER_MOUNTS to a directory that you may write",
      cause: error,
    });
  }
  try {
    await host.run(["setfacl", "-m", "u:0:r", "--", probe]);
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    // Another run for the same container has ended its own check.
    if (!await exists(probe)) return;
    throw new UserError(`The file system of "${base}" has no ACLs`, {
      hint: "Set $GUI_CONTAINER_MOUNTS to a directory on one that has: ext4, xfs, btrfs, or zfs with acltype=posixacl",
      output: error.output,
      cause: error,
    });
  } finally {
    await removeEmpty(isNew ? [base, probe] : [probe]);
  }
}

/** Removes directories with all that is in them, innermost first. */
export async function removeMounts(host: Host, made: readonly string[]): Promise<void> {
  for (const path of [...made].reverse()) {
    await host.change(`rm -rf ${quoteWords([path])}`, () => removeTree(path));
  }
}

/**
 * Lets the host user and the container user read and write in both directories, whoever makes a file there: mode 771, and
 * default entries that new files inherit.
 */
export async function shareMounts(host: Host, mounts: Mounts, containerHostUid: string): Promise<void> {
  const me = host.dryRun
    ? await host.value(["id", "-u"], { variable: "MY_UID", filter: "", parse: String })
    : String((await Deno.stat(mounts.xpra)).uid);
  const entries = [
    `u:${containerHostUid}:rwx`,
    "g::---",
    "m::rwx",
    "o::--x",
    `d:u:${me}:rwx`,
    `d:u:${containerHostUid}:rwx`,
    "d:g::---",
    "d:m::rwx",
    "d:o::---",
  ].join(",");
  await host.change(`chmod 771 ${quoteWords([mounts.xpra, mounts.share])}`, async () => {
    for (const path of [mounts.xpra, mounts.share]) await Deno.chmod(path, 0o771);
  });
  await host.run(["setfacl", "-m", entries, "--", mounts.xpra, mounts.share]);
}

/** The first of the shared directories that has something in it, if one has. */
export async function usedMounts(mounts: Mounts): Promise<string | undefined> {
  for (const path of [mounts.xpra, mounts.share]) {
    if (await exists(path) && !(await Deno.readDir(path)[Symbol.asyncIterator]().next()).done) return path;
  }
  return undefined;
}
