/**
 * The process of a guard on Wayland. Each session has one; it lives as long as the session's windows, even when the run
 * that started it has ended.
 */

import { abortable, delay } from "@std/async";
import { join } from "@std/path";
import { exists } from "../../base/files.ts";
import { obeyCommands } from "../commands.ts";
import { startDeadline } from "../deadline.ts";
import { isEndGone, readText, sendText } from "../sockets.ts";
import type { Carrying } from "./carrying.ts";
import { answerMark, type Given } from "./dropped_files.ts";
import { relayConnections } from "./relay.ts";
import { Closing } from "../closing.ts";
import { beginGuard } from "../process.ts";
import { guardWords, readyLine } from "../process_interface.ts";
import { type GuardCommand, type GuardRequest, keepWord, privateNames } from "./process_interface.ts";

/** How long waypipe's client may take to start, in milliseconds, and how often the guard looks for it. */
const clientMs = 10_000;
const pollMs = 5;

/**
 * How long a run may take to lend dropped or pasted files, in milliseconds. A paste includes the question, which may
 * have to wait for three others.
 */
const lendMs: Readonly<Record<Given, number>> = { dropped: 60_000, pasted: 360_000, again: 60_000, out: 60_000 };

/** Shown when files are dragged out and no run can take them. */
const notOut =
  "Files dragged out of a window stay there: no run of attach.ts serves these windows. Start the app again";

/**
 * Guards a session until its windows are gone. Prints a line when it listens, then messages for the user, one a line,
 * and at its end how the windows ended.
 */
export async function runGuardProcess(argument: string | undefined): Promise<never> {
  const asked: GuardRequest = JSON.parse(argument ?? "");
  const { app, listen, directory, history, closesAfterMs, takesFiles, givesFiles, ...request } = asked;
  const lock = await Deno.open(join(directory, privateNames.lock), { read: true });
  await lock.lock(false);
  const closing = new Closing();
  const { print, crossings, end } = beginGuard({
    closing,
    history,
    take: (line) => line === keepWord,
    async leave(printed) {
      await Deno.remove(listen).catch(() => {});
      // Waits for all earlier lines: those that nobody has read are in the file now.
      await printed;
      // Unread lines are for the next run, which removes the directory.
      const isRead = !history || !await Deno.lstat(history.file).catch(() => undefined);
      if (isRead) await Deno.remove(directory, { recursive: true }).catch(() => {});
    },
  });
  const listener = Deno.listen({ transport: "unix", path: listen });
  print(readyLine);
  const path = join(directory, privateNames.waypipe);
  const run = { path: join(directory, privateNames.files), tell: print };
  const begun = Promise.withResolvers<void>();
  relayConnections({
    ...request,
    closing,
    crossings,
    listener,
    lend: takesFiles ? (list, how) => lendByRun(list, { how, ...run }) : undefined,
    takeOut: givesFiles ? (list) => void lendByRun(list, { how: "out", ...run }).catch(() => {}) : undefined,
    // Before waypipe's client is ready, no honest session begins.
    connect: () => (begun.resolve(), Deno.connect({ transport: "unix", path })),
    tell: print,
    started: { app },
    begin(session) {
      obeyCommands(directory, (command: GuardCommand) => {
        if ("started" in command) session.started = command.started;
        else if ("closeWindows" in command) {
          closing.isEnding = true;
          session.wake();
        } else return session.carrying.carry(command);
        return null;
      });
      // The container may have taken long to start.
      begun.promise.then(() => closeLater(session.carrying, closesAfterMs));
    },
  });
  const alive = join(directory, privateNames.alive);
  for (const deadline = performance.now() + clientMs; !await exists(alive); await delay(pollMs)) {
    if (performance.now() > deadline) throw new Deno.errors.NotFound(alive);
  }
  // Waits until the last writer has closed it.
  await new Response((await Deno.open(alive)).readable).arrayBuffer();
  return await end();
}

/** Closes directions of the clipboard after their time limits, even if the run that set these has ended. */
export function closeLater(carrying: Carrying, closesAfterMs: GuardRequest["closesAfterMs"] = {}): void {
  for (const direction of ["in", "out"] as const) {
    const afterMs = closesAfterMs[direction];
    if (afterMs !== undefined) startDeadline(afterMs, () => void carrying.carry({ close: [direction] }));
  }
}

/** Asks the run that serves the session to lend a list of files, see `LendList`. */
export async function lendByRun(
  list: string,
  { how, path, tell, limitMs = lendMs[how] }: {
    how: Given;
    path: string;
    tell: (line: string) => unknown;
    limitMs?: number;
  },
): Promise<string> {
  const limit = AbortSignal.timeout(limitMs);
  try {
    using run = await Deno.connect({ transport: "unix", path });
    await sendText(run, `${how}\n${list}`);
    const answer = await abortable(readText(run), limit);
    if (!answer.startsWith(answerMark)) throw new Error("not lent");
    return answer.slice(answerMark.length);
  } catch (error) {
    const isLate = error === limit.reason;
    if (isLate || isEndGone(error)) {
      const what = how === "again" ? "pasted" : how;
      tell(
        how === "out"
          ? notOut
          : isLate
          ? `Lending files ${what} takes too long for the app. Whether they are lent by now: map.ts --list`
          : `Files ${what} are not lent: no run of attach.ts serves these windows. Start the app again`,
      );
    }
    throw error;
  }
}

if (import.meta.main && Deno.args[0] === guardWords.wayland) await runGuardProcess(Deno.args[1]);
