/** `attach.ts --join`: runs an app in a live session. */

import { ExitCode, ProcessError, UserError } from "../base/errors.ts";
import type { Container } from "../container/container.ts";
import { Unreachable } from "../container/ssh.ts";
import { attachLine } from "./session/advice.ts";
import { joinedAppScript, noSuchApp } from "./session/app.ts";
import { nameSession, runInSession } from "./session/live_sessions.ts";
import { noteApp } from "./wayland/ask_guard.ts";

/** The app has ended with its session, or the connection to it is lost. */
export class EndedWithSession extends UserError {
  override name = "EndedWithSession";
}

/** The app has ended with an exit status other than 0, and its session goes on. */
export class EndedWithStatus extends UserError {
  override name = "EndedWithStatus";
}

/**
 * Runs an app in a live session, and returns when the app ends.
 *
 * @param options `session`: the session's name; undefined: the only session, or the one that the user chooses;
 * `isShownHere`: this run also shows the session, and tells the user at Ctrl-C what runs on
 * @returns the exit code
 * @throws {UserError} when there is no such session or app, and when the app fails
 */
export async function join(
  container: Container,
  { app, session: wanted, isShownHere = false }: {
    app: readonly string[];
    session: string | undefined;
    isShownHere?: boolean;
  },
): Promise<number> {
  const { host, label } = container;
  const session = await nameSession(container, wanted);
  const values = { sockets: (await container.reach()).sockets, run_app: joinedAppScript };
  await noteApp(container, { session, app });
  const isGuess = wanted === undefined;
  const options = { session, isGuess, verb: "join", values, parameters: app, timeoutMs: Infinity } as const;
  // The session's name is printed just before the app starts.
  const hasStarted = ({ stdout }: { stdout: string }): boolean => stdout.startsWith(`${session}\n`);
  const result = await runInSession(container, options).catch((error) => {
    if (host.signal.aborted && !isShownHere) {
      // Only the container knows whether the app has started yet.
      const stop = attachLine(container, "--stop", session);
      host.ui.status(`If "${app[0]}" has started, it runs on in its session. To end the session: ${stop}`);
    }
    const { cause } = error;
    if (!(error instanceof Unreachable && cause instanceof ProcessError && hasStarted(cause))) throw error;
    throw new EndedWithSession(`The connection to "${app[0]}" in the session "${session}" has ended`, {
      hint: `If its container has not been stopped, it may run on: ${attachLine(container, "--list")}`,
    });
  });
  if (result.code === 0) return 0;
  if (!hasStarted(result)) throw result.code === ExitCode.missingProgram ? await noSuchApp(app, label, result) : result;
  if (result.code === 255) {
    throw new EndedWithSession(`"${app[0]}" ended with the session "${session}"`, { hint: "Start it again" });
  }
  throw new EndedWithStatus(`"${app[0]}" ended with exit status ${result.code}`, {
    hint: `What it printed is in the session's log: ${attachLine(container, "--logs", session)}`,
  });
}
