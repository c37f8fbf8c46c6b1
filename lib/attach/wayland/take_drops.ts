/** A run lends what the user drops on the windows of its session, on this host's Wayland desktop. */

import { join } from "@std/path";
import type { Container } from "../../container/container.ts";
import { closeQuietly, isGone, readText, writeText } from "../../guard/sockets.ts";
import type { LendList } from "../../guard/wayland/dropped_files.ts";
import { privateNames } from "../../guard/wayland/request.ts";
import { guardsOf } from "./ask_guard.ts";

/**
 * Answers the guard of a session, if it has one on this host, until the end of this value's scope. The run that does so
 * last is the one that is asked. Where that fails, the user is told, and the session goes on.
 */
export async function takeDrops(
  container: Container,
  { session, lend }: { session: string; lend: LendList },
): Promise<Disposable | undefined> {
  const guard = (await guardsOf(container)).get(session);
  if (guard === undefined) return undefined;
  // One of the names that Deno lets the run listen by.
  const own = join(await container.directory(), "guard");
  const warn = (error: Error): void =>
    container.host.ui.warn(`What is dropped on "${session}" is not lent: ${error.message}`);
  try {
    using starting = new DisposableStack();
    const listener = starting.adopt(Deno.listen({ transport: "unix", path: own }), closeQuietly);
    await Deno.rename(own, join(guard, privateNames.files));
    starting.move();
    answerEach(listener, lend).catch(warn);
    return { [Symbol.dispose]: () => closeQuietly(listener) };
  } catch (error) {
    const isOver = await Deno.lstat(guard).then(() => false, isGone);
    if (!isOver) warn(error as Error);
    return undefined;
  }
}

/** One after the other. */
async function answerEach(listener: Deno.UnixListener, lend: LendList): Promise<void> {
  for await (const connection of listener) {
    try {
      using guard = connection;
      await writeText(guard, await lend(await readText(guard)));
    } catch (error) {
      // It waits no longer.
      if (!isGone(error)) throw error;
    }
  }
}
