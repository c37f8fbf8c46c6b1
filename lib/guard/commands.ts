/**
 * Commands of the user to a running process. The sender puts a socket into a directory that the process watches, and
 * that only the user can write; the process connects to it. So neither needs a permission for sockets of the other, and
 * no container takes part.
 */

import { abortable } from "@std/async";
import { join } from "@std/path";
import { lockFile } from "../base/lock.ts";
import { readText, sendText } from "./sockets.ts";

/** Names in the private directory of a process that obeys commands. */
export const commandNames = {
  /**
   * The watched directory. It holds nothing but the socket: Deno 2.9.6 opens whatever appears in a directory that it
   * watches, and hangs at a FIFO without a writer.
   */
  directory: "commands",
  /** The socket of a command, while it waits. */
  socket: "commands/command",
} as const;

/**
 * Obeys commands, one after the other, until the returned watcher is closed.
 *
 * @param directory a private directory that contains the watched one
 * @param obey takes the request of a command, and returns the answer
 */
export function obeyCommands<Request>(directory: string, obey: (request: Request) => unknown): Deno.FsWatcher {
  const watcher = Deno.watchFs(join(directory, commandNames.directory), { recursive: false });
  const path = join(directory, commandNames.socket);
  const obeyEach = async (): Promise<void> => {
    for await (const { paths } of watcher) {
      if (!paths.includes(path)) continue;
      try {
        using command = await Deno.connect({ transport: "unix", path });
        await Deno.remove(path);
        await sendText(command, JSON.stringify(await obey(JSON.parse(await readText(command)))));
      } catch {
        // The sender has given up, or its socket is already removed.
      }
    }
  };
  obeyEach();
  return watcher;
}

/**
 * Sends a command to the process with this private directory, and returns its answer.
 *
 * @param options `own`: where this process may make its socket; `signal`: ends the waiting
 * @throws when the process does not answer
 */
export async function sendCommand(
  directory: string,
  { request, own, signal }: { request: unknown; own: string; signal: AbortSignal },
): Promise<unknown> {
  using _turn = await lockFile(join(directory, "turn"), { signal });
  const listener = Deno.listen({ transport: "unix", path: own });
  const path = join(directory, commandNames.socket);
  let accepting: Promise<Deno.Conn> | undefined;
  const answer = async (): Promise<unknown> => {
    accepting = listener.accept();
    using connection = await accepting;
    await sendText(connection, JSON.stringify(request));
    return JSON.parse(await readText(connection));
  };
  try {
    // The process sees the socket, and connects to it.
    await Deno.rename(own, path);
    return await abortable(answer(), signal);
  } finally {
    listener.close();
    // Only once this is settled, Deno no longer removes what is at `own`: it could be the socket of the next command.
    await accepting?.catch(() => {});
    for (const left of [own, path]) await Deno.remove(left).catch(() => {});
  }
}
