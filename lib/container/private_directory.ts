/**
 * The private directory of a run: sockets, and other files that no container may see. It lies beside the directories of
 * the containers.
 */

import { join } from "@std/path";
import { exists, readDirectory } from "../base/files.ts";
import { takeLeftLines } from "./history.ts";
import type { Host } from "../base/host.ts";
import { isClaimed, lockFile } from "../base/lock.ts";
import { quoteWords } from "../base/shell_words.ts";
import { lockPath, mountsRoot, privatePrefix } from "./paths.ts";

/** The file in such a directory with lines for histories: see {@linkcode takeLeftLines}. */
export const leftLinesName = "history.jsonl";

/**
 * Makes an empty directory for this run alone, and removes those that killed runs have left. It is removed at the end
 * of its scope.
 *
 * @param suffix the end of its name, if the run has several
 */
export async function makePrivateDirectory(host: Host, suffix = ""): Promise<AsyncDisposable & { path: string }> {
  const root = mountsRoot(host);
  const path = join(root, `${privatePrefix}${Deno.pid}${suffix}`);
  const lock = await host.change(`mkdir ${quoteWords([path])}`, () => claim(host, path));
  return {
    path,
    async [Symbol.asyncDispose]() {
      const remove = (): Promise<void> => Deno.remove(path, { recursive: true }).catch(() => {});
      await host.change(`rm -rf ${quoteWords([path])}`, remove);
      lock?.close();
    },
  };
}

/**
 * Makes the directory, and locks a file in it. Only one run at a time does this: another run that saw the directory
 * before it is locked would think that this run was killed.
 */
async function claim(host: Host, path: string): Promise<Deno.FsFile> {
  using _turn = await lockFile(lockPath(mountsRoot(host)), { signal: host.signal });
  await removeLeftovers(host);
  await Deno.mkdir(path, { mode: 0o700 });
  // NFS grants shared locks only on files opened for reading.
  const lock = await Deno.open(join(path, "lock"), { read: true, write: true, create: true });
  // Shared: a guard that outlives this run may hold it as well.
  await lock.lock(false);
  return lock;
}

/** Moves the lines that guards have left, even guards that still run, to the histories. */
export async function takeAllLeftLines(host: Host): Promise<void> {
  const root = mountsRoot(host);
  if (!await exists(root)) return;
  using _turn = await lockFile(lockPath(root), { signal: host.signal });
  await removeLeftovers(host);
  for (const directory of await privateDirectories(host)) await takeLeftLines(host, join(directory, leftLinesName));
}

/** The private directories of all runs, and of guards that outlive their runs. */
export async function privateDirectories(host: Pick<Host, "env">): Promise<string[]> {
  const root = mountsRoot(host);
  return (await readDirectory(root)).filter(({ name, isDirectory }) => isDirectory && name.startsWith(privatePrefix))
    .map(({ name }) => join(root, name));
}

/** Whether a run, or a guard that outlives its run, still uses a private directory. */
export async function isInUse(path: string): Promise<boolean> {
  return await isClaimed(join(path, "lock"));
}

/** Removes directories of killed runs: no process holds their locks. The caller holds {@linkcode lockPath}. */
async function removeLeftovers(host: Host): Promise<void> {
  for (const path of await privateDirectories(host)) {
    try {
      if (await isInUse(path)) continue;
      await takeLeftLines(host, join(path, leftLinesName));
      await Deno.remove(path, { recursive: true });
    } catch {
      // Another run may be removing its own directory at this moment. If not, the next run tries again.
    }
  }
}
