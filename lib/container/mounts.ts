/** A container's directories on the host, and the ACLs of the shared ones. */

import { basename, dirname, join } from "@std/path";
import { causedBy, isFailure, isProcessError, orNothing, ProcessError, UserError } from "../base/errors.ts";
import { type Address, scriptLine } from "./address.ts";
import type { Device } from "../engine/answer.ts";
import type { Host } from "../base/host.ts";
import { quoteWords } from "../base/shell_words.ts";
import { exists, isThere, modeOf, readDirectory, removeEmpty, removeFile, removeTree } from "../base/files.ts";
import { containerRecordPath, type Mounts, mountsOf } from "./paths.ts";
import { containerPaths, type ContainerUser, parseUser, ubuntuUser, userKey } from "./user.ts";
import { exec } from "../engine/exec.ts";
import type { InstanceInfo } from "../engine/instance.ts";
import { startInstance } from "../engine/lifecycle.ts";

/**
 * The disk devices that share the directories with the container.
 *
 * @param options `mayMove`: the container may be moved to a machine that lacks the directories, and must start there
 * without them
 */
export function mountDevices(
  mounts: Mounts,
  user: ContainerUser,
  { mayMove = false }: { mayMove?: boolean } = {},
): Record<string, Device> {
  const kind: Device = mayMove ? { type: "disk", required: "false" } : { type: "disk" };
  const disk = (source: string, path: string): Device => ({ ...kind, source, path });
  const paths = containerPaths(user);
  return { xpra: disk(mounts.sockets, paths.sockets), share: disk(mounts.share, paths.share) };
}

/** Makes the missing directories, all or none. Returns those it made, outermost first. */
export async function makeMounts(host: Host, mounts: Mounts): Promise<string[]> {
  const missing: string[] = [];
  for (const path of [mounts.directory, mounts.ssh, ...mounts.shared]) if (!await exists(path)) missing.push(path);
  if (missing.length > 0) {
    await host.change(`mkdir -p ${quoteWords(missing)}`, async () => {
      try {
        for (const path of missing) await Deno.mkdir(path, { recursive: true, mode: 0o755 });
      } catch (error) {
        await removeEmpty(missing);
        throw error;
      }
    });
  }
  return missing;
}

/**
 * Checks that one of a container's directories exists.
 *
 * @param options `isHere`: the container is on this machine
 * @throws {UserError} when it was removed, or `$GUI_CONTAINER_MOUNTS` is wrong
 */
export async function checkDirectory(
  path: string,
  { engine, label }: Pick<Address, "engine" | "label">,
  { isHere }: { isHere: boolean },
): Promise<void> {
  if (await exists(path)) return;
  const line = scriptLine(engine, ["create.ts", "--delete", label]);
  throw new UserError(`There are no directories of "${label}" here: no ${path}`, {
    hint: isHere
      ? "If it was renamed, rename it back. Else set $GUI_CONTAINER_MOUNTS to their place, restore them, or give the " +
        `container up: ${line}`
      : "Set $GUI_CONTAINER_MOUNTS to their place, on the machine where create.ts made the container",
  });
}

/** The state that {@linkcode restoreMounts} restores. */
export interface MountsBefore {
  /** Each existing directory, with its mode and its ACL as `getfacl` prints it. */
  directories: { path: string; mode: number; acl: string }[];
  /** The existing files among: pinned host keys, ssh settings, the container's record. */
  files: { path: string; text: string; mode: number }[];
}

/** Reads the state that create.ts will change: modes and ACLs of existing directories, and the files for ssh. */
export async function saveMounts(host: Host, mounts: Mounts): Promise<MountsBefore> {
  const directories = [];
  for (const path of mounts.shared) {
    if (!await exists(path)) continue;
    const { stdout } = await host.run(["getfacl", "-cnpE", "--", path]);
    directories.push({ path, mode: await modeOf(path), acl: stdout });
  }
  const files = [];
  for (const path of await writtenFiles(mounts)) {
    files.push({ path, text: await Deno.readTextFile(path), mode: await modeOf(path) });
  }
  return { directories, files };
}

/** The existing files that create.ts writes. */
async function writtenFiles(mounts: Mounts): Promise<string[]> {
  const { knownHosts, ssh } = mounts;
  const paths = (await readDirectory(ssh)).map(({ name }) => join(ssh, name));
  for (const path of [knownHosts, containerRecordPath(mounts)]) if (await exists(path)) paths.push(path);
  return paths;
}

/** Restores modes, ACLs and the files for ssh as {@linkcode saveMounts} found them. */
export async function restoreMounts(
  host: Host,
  { mounts, before }: { mounts: Mounts; before: MountsBefore },
): Promise<void> {
  for (const { path, mode, acl } of before.directories) {
    if (!await exists(path)) continue;
    // If the input has no default entries, --set-file keeps the old ones (acl 2.3.2), so they are removed first.
    await host.run(["setfacl", "--remove-default", "--set-file=-", "--", path], { stdin: { text: acl } });
    // An ACL does not include the set-ID and sticky bits.
    await Deno.chmod(path, mode);
  }
  // Left by a run that was killed while it wrote the record.
  await removeFile(`${containerRecordPath(mounts)}.new`);
  for (const path of await writtenFiles(mounts)) await Deno.remove(path);
  for (const { path, text, mode } of before.files) await Deno.writeTextFile(path, text, { mode });
}

/**
 * Checks that the directories can be made and, if the container shares any, that ACLs have an effect there. Leaves
 * nothing behind.
 *
 * @throws {UserError} for a file in place of a directory, a directory without write permission, or a file system
 * without ACLs; exit code 127 without `setfacl`
 */
export async function checkAclSupport(host: Host, mounts: Mounts): Promise<void> {
  for (const path of [mounts.directory, mounts.sockets, mounts.share]) {
    if ((await Deno.stat(path).catch(() => undefined))?.isDirectory === false) {
      throw new UserError(`"${path}" is not a directory`, { hint: "Move it away, or choose another name" });
    }
  }
  const base = dirname(mounts.directory);
  const isNew = !await isThere(base);
  // A container always has the same name here, so that the next run removes what a killed run has left.
  const probe = join(base, `.gui-container-${basename(mounts.directory)}`);
  try {
    await Deno.mkdir(probe, { recursive: true });
  } catch (error) {
    throw new UserError(`Cannot make directories in "${base}": ${error instanceof Error ? error.message : error}`, {
      hint: "Set $GUI_CONTAINER_MOUNTS to a directory that you may write",
      cause: error,
    });
  }
  const made = join(probe, "new");
  let cause: ProcessError | undefined;
  try {
    if (mounts.shared.length === 0) return;
    await host.run(["setfacl", "-m", "u:0:r,d:g::-w-,d:o::--x", "--", probe]);
    await orNothing(Deno.mkdir(made), (error) => error instanceof Deno.errors.AlreadyExists);
    // The default ACL holds, and not the umask, which nobody sets to 0o56. With FUSE, ACLs may be kept and have no effect.
    if ((await modeOf(made) & 0o77) === 0o21) return;
  } catch (error) {
    // Another run for the same container removes both at the end of its own check.
    if (error instanceof Deno.errors.NotFound || !await exists(probe)) return;
    if (!(error instanceof ProcessError)) throw error;
    cause = error;
  } finally {
    await removeEmpty([...isNew ? [base] : [], probe, made]);
  }
  throw new UserError(`The file system of "${base}" has no ACLs, or they have no effect`, {
    hint: "Set $GUI_CONTAINER_MOUNTS to a directory on ext4, xfs, btrfs, or zfs with acltype=posixacl",
    ...cause && causedBy(cause),
  });
}

/** Removes directories with their content, the last one first. */
export async function removeMounts(host: Host, made: readonly string[]): Promise<void> {
  for (const path of [...made].reverse()) {
    await host.change(`rm -rf ${quoteWords([path])}`, () => removeTree(path, { signal: host.signal }));
  }
}

/**
 * Lets the host user and the container's user read and write in both directories: mode 771, and default ACL entries,
 * which new files of either user inherit.
 */
export async function shareMounts(host: Host, { mounts, hostUid }: { mounts: Mounts; hostUid: string }): Promise<void> {
  const me = await host.look("<MY_UID>", async () => String((await Deno.stat(mounts.sockets)).uid));
  const access = `u:${hostUid}:rwx,g::---,m::rwx,o::--x`;
  const defaults = `d:u:${me}:rwx,d:u:${hostUid}:rwx,d:g::---,d:m::rwx,d:o::---`;
  await host.change(`chmod 771 ${quoteWords(mounts.shared)}`, async () => {
    for (const path of mounts.shared) await Deno.chmod(path, 0o771);
  });
  await host.run(["setfacl", "-m", `${access},${defaults}`, "--", ...mounts.shared]);
}

/** The first of these directories that is not empty; undefined when all are empty or missing. */
export async function usedMounts(directories: readonly string[]): Promise<string | undefined> {
  for (const path of directories) {
    if (await exists(path) && !(await Deno.readDir(path)[Symbol.asyncIterator]().next()).done) return path;
  }
  return undefined;
}

/**
 * The time limit of the host, then of the container, for emptying them, in milliseconds. There may be millions of
 * files.
 */
const emptyMs = 15_000;

/**
 * Empties the shared directories, as far as possible within half a minute. If the container has made a subdirectory
 * inaccessible to the host user, only the container can empty it: its user owns the files there, and two capabilities
 * let that user remove root's files as well.
 */
export async function emptyMounts(
  host: Host,
  instance: Pick<InstanceInfo, "engine" | "name" | "status" | "config">,
): Promise<void> {
  if (instance.status !== "Running") {
    const { sockets, share } = mountsOf(host, instance);
    const removed = host.run(removal([sockets, share]), { output: { line: () => {} }, timeoutMs: emptyMs });
    if (await orNothing(removed, isProcessError)) return;
    // Errors are ignored: removeMounts() reports it if the directories then cannot be removed.
    await startInstance(host, instance).catch(() => {});
  }
  const user = parseUser(instance.config[userKey] ?? "") ?? ubuntuUser;
  const { sockets, share } = containerPaths(user);
  const capabilities = ["inh", "ambient"].map((set) => `--${set}-caps=+dac_override,+fowner`);
  const argv = ["setpriv", `--reuid=${user.uid}`, "--clear-groups", ...capabilities, ...removal([sockets, share])];
  // The container is deleted whatever it answers. removeMounts() reports what is left.
  await orNothing(exec(host, instance, argv, { timeoutMs: emptyMs }), isFailure);
}

/** The command that empties directories. */
function removal(directories: readonly string[]): string[] {
  return ["find", ...directories, "-mindepth", "1", "-delete"];
}
