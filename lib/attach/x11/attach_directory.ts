/**
 * What an attachment has in the private directory of its run: the guard's socket, and the file for pixels where the
 * container shares a directory with this machine.
 */

import { join } from "@std/path";
import type { Container } from "../../container/container.ts";
import { socketPath } from "../../container/session_socket.ts";

/** The places of an attachment. What it has made is removed at the end of its scope. */
export interface AttachDirectory extends AsyncDisposable {
  socket: string;
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
 * Makes the file for pixels, if the container can open one.
 *
 * It must be able to, so the file is made in the shared directory, where it inherits the right ACL. The container could
 * put a link to another file in its place. So the client opens it in the private directory, where it is checked to be
 * the same file, and only then is it moved back. It never has two names: xpra 6.6's server takes no file with more than
 * one.
 *
 * @param pixelsBytes the size of the file for pixels
 */
export async function makeAttachDirectory(container: Container, pixelsBytes: number): Promise<AttachDirectory> {
  const directory = await container.directory();
  const socket = socketPath(directory, "guard");
  // A client that the run had before, of a connection that is lost.
  await Deno.remove(socket).catch(() => {});
  const { host } = container;
  if (await host.look(true, () => container.crossesNetwork)) {
    const nothing = (): Promise<void> => Promise.resolve();
    return { socket, pixels: undefined, sharePixels() {}, hidePixels: nothing, [Symbol.asyncDispose]: nothing };
  }
  const name = `.pixels-${crypto.randomUUID()}`;
  const shared = join(container.mounts.sockets, name);
  const pixels = join(directory, name);
  await using stack = new AsyncDisposableStack();
  const hidePixels = (): Promise<void> => Deno.remove(shared).catch(() => {});
  stack.defer(hidePixels);
  stack.defer(() => Deno.remove(pixels).catch(() => {}));
  using file = await Deno.open(shared, { read: true, write: true, createNew: true, mode: 0o660 });
  await file.truncate(pixelsBytes);
  await Deno.rename(shared, pixels);
  const [made, moved] = [await file.stat(), await Deno.lstat(pixels)];
  if (!moved.isFile || moved.ino !== made.ino || moved.dev !== made.dev) {
    throw new Error(`"${shared}" was replaced while it was being made`);
  }
  const resources = stack.move();
  return {
    socket,
    pixels,
    sharePixels: () => Deno.renameSync(pixels, shared),
    hidePixels,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
