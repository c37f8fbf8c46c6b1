/**
 * The run's end of drops and pastes: lends files that the user drops on the session's windows on Wayland, or pastes
 * there.
 */

import { join } from "@std/path";
import type { Container } from "../../container/container.ts";
import type { Portals } from "../agent/serve.ts";
import { closeQuietly, isEndGone, readText, sendText } from "../../guard/sockets.ts";
import { answerMark, type Given, type LendList } from "../../guard/wayland/dropped_files.ts";
import { privateNames } from "../../guard/wayland/process_interface.ts";
import { guardsOf } from "../session/runs.ts";

/**
 * Answers the guard of a session, if it has one on this host, until the end of this value's scope. The guard asks the
 * last run that has called this. On failure, the user is told, and the session goes on.
 */
export async function takeDrops(
  container: Container,
  { session, lend }: { session: string; lend: LendList },
): Promise<AsyncDisposable | undefined> {
  const guard = (await guardsOf(container)).get(session);
  if (guard === undefined) return undefined;
  // A path at which the run's Deno permissions allow it to listen.
  const own = join(await container.directory(), "guard");
  const warn = (error: Error): void =>
    container.host.ui.warn(`Files dropped on "${session}", or pasted, are not lent: ${error.message}`);
  try {
    using starting = new DisposableStack();
    const listener = starting.adopt(Deno.listen({ transport: "unix", path: own }), closeQuietly);
    await Deno.rename(own, join(guard, privateNames.files));
    starting.move();
    const answering = answerEach(listener, { lend, warn }).catch(warn);
    return {
      async [Symbol.asyncDispose]() {
        closeQuietly(listener);
        // Until then, Deno may remove the path `own`, which would be the next listener's socket.
        await answering;
      },
    };
  } catch (error) {
    const isOver = await Deno.lstat(guard).then(() => false, isEndGone);
    if (!isOver) warn(error as Error);
    return undefined;
  }
}

/** {@linkcode takeDrops} for a run that serves the apps; repeated each time a later run that did so has ended. */
export async function keepDrops(
  container: Container,
  { session, portals }: { session: string; portals: Pick<Portals, "give" | "onAgain"> },
): Promise<AsyncDisposable | undefined> {
  const { give: lend } = portals;
  if (!lend) return undefined;
  const taking = new AsyncDisposableStack();
  portals.onAgain = async () => {
    const taken = await takeDrops(container, { session, lend });
    if (taking.disposed) await taken?.[Symbol.asyncDispose]();
    else taking.use(taken);
  };
  await portals.onAgain();
  return taking;
}

/**
 * Answers a guard, which has one drop and one paste at a time. There is no answer if lending fails: the user was told.
 */
async function answerEach(
  listener: Deno.UnixListener,
  { lend, warn }: { lend: LendList; warn: (error: Error) => void },
): Promise<void> {
  const answer = async (connection: Deno.Conn): Promise<void> => {
    try {
      using guard = connection;
      const text = await readText(guard);
      const [, how, list = ""] = /^(dropped|pasted|again|out)\n(.*)$/s.exec(text) ?? [];
      const lent = how === undefined ? undefined : await lend(list, how as Given).catch(() => undefined);
      if (lent !== undefined) await sendText(guard, `${answerMark}${lent}`);
    } catch (error) {
      // A guard that is gone waits no longer.
      if (!isEndGone(error)) warn(error as Error);
    }
  };
  for await (const connection of listener) void answer(connection);
}
