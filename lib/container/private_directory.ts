/**
 * The private directory of a run: sockets, and what else no container may see. It lies beside the directories of the
 * containers.
 */

import { join } from "@std/path";
import { readDirectory } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { lockFile } from "../base/lock.ts";
import { quoteWords } from "../base/shell_words.ts";
import { lockPath, mountsRoot } from "./paths.ts";

/** The start of these directories' names. The process id follows: attach.ts may use only the sockets in its own one. */
const prefix = ".attach-";

/**
 * Makes an empty directory for this run alone, which is removed at the end of its scope; also what killed runs have
 * left.
 *
 * @param suffix what its name has, and that of the run's other one has not
 */
export async function makePrivateDirectory(host: Host, suffix = ""): Promise<AsyncDisposable & { path: string }> {
  const root = mountsRoot(host);
  const path = join(root, `${prefix}${Deno.pid}${suffix}`);
  const lock = await host.change(`mkdir ${quoteWords([path])}`, () => claim(root, path));
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
 * Makes the directory, and a file in it, which it locks. Only one run at a time does this: a run that saw the directory
 * before it is locked would take this run for dead.
 */
async function claim(root: string, path: string): Promise<Deno.FsFile> {
  using _turn = await lockFile(lockPath(root));
  await removeLeftovers(root);
  await Deno.mkdir(path, { mode: 0o700 });
  const lock = await Deno.open(join(path, "lock"), { write: true, create: true });
  // Shared: what outlives this run may hold it as well.
  await lock.lock(false);
  return lock;
}

/** The private directories of all runs, and of what has outlived its run. */
export async function privateDirectories(host: Pick<Host, "env">): Promise<string[]> {
  const root = mountsRoot(host);
  return (await readDirectory(root)).filter(({ name, isDirectory }) => isDirectory && name.startsWith(prefix))
    .map(({ name }) => join(root, name));
}

/** Removes the directories of runs that have ended without doing so: nobody holds their locks. */
async function removeLeftovers(root: string): Promise<void> {
  for (const { name, isDirectory } of await readDirectory(root)) {
    if (!isDirectory || !name.startsWith(prefix)) continue;
    const path = join(root, name);
    try {
      using lock = await Deno.open(join(path, "lock"), { write: true });
      if (await lock.tryLock(true)) await Deno.remove(path, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) continue;
      // The run was killed before it had made the lock; or another run is just removing its own directory.
      await Deno.remove(path, { recursive: true }).catch(() => {});
    }
  }
}
