/**
 * The directory of one attachment: the guard's socket, a link to the session's socket, and the file for pixels. It lies
 * beside the directories of the containers, where no container sees it.
 */

import { join } from "@std/path";
import type { Host } from "../base/host.ts";
import { type Mounts, mountsRoot, turnsIn } from "../container/mounts.ts";
import { readDirectory } from "../base/files.ts";
import { type Held, hold } from "../base/hold.ts";
import { lockFile } from "../base/record.ts";
import { Violation } from "../guard/faults.ts";
import { socketPath } from "./session_name.ts";

/** The start of these directories' names. The process id follows: attach.ts may use only the sockets in its own one. */
const prefix = ".attach-";

/** The directory of an attachment, removed at the end of its scope. */
export interface AttachDirectory extends AsyncDisposable {
  /** Where the guard listens. */
  socket: string;
  /** Where the link to the session's socket belongs, or the socket that leads to it. */
  session: string;
  /**
   * The file for pixels. The container opens it by the same base name. Undefined when pixels come through the socket.
   */
  pixels: string | undefined;
  /** Moves the file for pixels to where the container can open it. The client has it open by then. */
  sharePixels(): void;
  /** Removes the file from there. Both ends have it open by then. */
  hidePixels(): Promise<void>;
}

/**
 * Makes the directory, and removes those that killed runs have left.
 *
 * The container must be able to open the file for pixels, so the file is made in the shared directory, where it
 * inherits the right ACL. The container could put a link to another file in its place. So the client opens it in this
 * directory, where it is checked to be the same file, and only then is it moved back. It never has two names: xpra 6.6's
 * server takes no file with more than one.
 *
 * @param pixelsBytes the size of the file for pixels
 */
export async function makeAttachDirectory(
  host: Host,
  mounts: Mounts,
  pixelsBytes: number,
): Promise<AttachDirectory & { pixels: string }> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await makePrivateDirectory(host));
  const name = `.pixels-${crypto.randomUUID()}`;
  const shared = join(mounts.xpra, name);
  const pixels = join(path, name);
  const hidePixels = (): Promise<void> => Deno.remove(shared).catch(() => {});
  stack.defer(hidePixels);
  using file = await Deno.open(shared, { read: true, write: true, createNew: true, mode: 0o660 });
  await file.truncate(pixelsBytes);
  await Deno.rename(shared, pixels);
  const [made, moved] = [await file.stat(), await Deno.lstat(pixels)];
  if (!moved.isFile || moved.ino !== made.ino || moved.dev !== made.dev) {
    throw new Error(`"${shared}" was replaced while it was made`);
  }
  const resources = stack.move();
  return {
    socket: socketPath(path, "guard"),
    session: sessionSocketIn(path),
    pixels,
    sharePixels: () => Deno.renameSync(pixels, shared),
    hidePixels,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/**
 * The directory of an attachment to a container on another machine, which shares none with us: nothing of it is shown
 * there.
 *
 * @param path a private directory, which may have been that of an attachment before
 */
export async function reuseDirectory(path: string): Promise<AttachDirectory> {
  const [socket, session] = [socketPath(path, "guard"), sessionSocketIn(path)];
  await Deno.remove(socket).catch(() => {});
  return {
    socket,
    session,
    pixels: undefined,
    sharePixels: () => {},
    hidePixels: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Holds the socket of a session. The container can put anything in its place at any time, also a link to a socket of
 * the host's: whoever connects by the path could end there, whatever was at the path just before.
 *
 * @throws {Violation} when it is not a socket
 */
export function holdSocket(path: string): Held {
  const held = hold(path);
  if (held.stat().isSocket()) return held;
  held.close();
  throw new Violation("Something else is in the place of the session's socket");
}

/** Where a socket that leads to a session belongs, in a private directory. */
export function sessionSocketIn(directory: string): string {
  return socketPath(directory, "session");
}

/**
 * Makes an empty directory for this run alone, which is removed at the end of its scope; also what killed runs have
 * left. In a dry run, its path is a placeholder.
 */
export async function makePrivateDirectory(host: Host): Promise<AsyncDisposable & { path: string }> {
  if (host.dryRun) {
    const path = await host.value(["mktemp", "-d"], { placeholder: "PRIVATE", parse: String });
    return { path, [Symbol.asyncDispose]: async () => void await host.run(["rm", "-rf", path]) };
  }
  const root = mountsRoot(host);
  const path = join(root, `${prefix}${Deno.pid}`);
  const lock = await claim(root, path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true }).catch(() => {});
      lock.close();
    },
  };
}

/**
 * Makes the directory, and a file in it, which it locks. Only one run at a time does this: a run that saw the directory
 * before it is locked would take this run for dead.
 */
async function claim(root: string, path: string): Promise<Deno.FsFile> {
  using _turn = await lockFile(turnsIn(root));
  await removeLeftovers(root);
  await Deno.mkdir(path, { mode: 0o700 });
  const lock = await Deno.open(join(path, "lock"), { write: true, create: true });
  await lock.lock(true);
  return lock;
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
