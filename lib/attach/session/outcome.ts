/** The outcome of an attachment to a session: how it ended, and what the user is told about it. */

import { attachLine } from "./advice.ts";
import type { WindowsEnd } from "../../guard/closing.ts";
import { statusNow } from "./live_sessions.ts";
import { ExitCode, UserError } from "../../base/errors.ts";
import type { Container } from "../../container/container.ts";

/** How the app of a session ended, as far as its log says. */
export interface AppOutcome {
  /** The app's exit status; undefined when the session was ended from outside. */
  status: number | undefined;
  stopped: boolean;
  /** An option of the server that the container's xpra does not know. */
  unknownOption: string | undefined;
  /** The app knows only X, and its container has no X server for a session on Wayland. */
  lacksX: boolean;
  /** The last lines of the app and the server. */
  output: string;
}

export interface SessionEnd {
  /** What has become of them; unknown to a run that did not show them. */
  windows: WindowsEnd | "unknown";
  /** The end of the hint when its app has failed. */
  hint?(app: AppOutcome): string;
  /** The error when the display is the reason why its app has failed. */
  lost?(): Promise<UserError | undefined>;
  /** The error when they are gone although its app has not ended; undefined where the user knows why. */
  failure(app: AppOutcome | undefined): Promise<UserError | undefined> | UserError;
}

/**
 * Reports how a session ended that no signal has ended. A user who has closed its last window knows that the app ends,
 * whatever its exit status is.
 *
 * @throws {UserError} when the app failed, or what shows it
 */
export async function reportOutcome(
  container: Container,
  { session, end }: { session: string; end: SessionEnd },
): Promise<void> {
  const { ui } = container.host;
  const app = await appOutcome(container, session);
  if (app?.stopped) ui.status(`The session "${session}" was stopped`);
  else if (app?.status === undefined) {
    const error = await end.failure(app);
    if (error) throw error;
  } else if (app.status === 0 && end.windows === "none") {
    ui.status(`The app of "${session}" ended without an error and without a window. ${seeLog(container, session)}`);
  } else if (app.status !== 0) {
    const ended = `The app of "${session}" ended with exit status ${app.status}`;
    if (end.windows === "unknown") return ui.status(ended);
    if (end.windows === "closed") return ui.status(`${ended} when its window was closed`);
    throw await end.lost?.() ?? new UserError(ended, {
      hint: seeLog(container, session) + (end.hint?.(app) ?? ""),
      exitCode: app.status === ExitCode.missingProgram ? ExitCode.missingProgram : ExitCode.failed,
      output: app.output,
    });
  }
}

/** The error for a session that has ended, although neither its app nor its user has done that. */
export async function endedFromOutside(
  container: Container,
  { session, output = "" }: { session: string; output?: string | undefined },
): Promise<UserError> {
  const status = await statusNow(container);
  if (status === "Running") {
    return new UserError(`The session "${session}" was ended from outside`, {
      hint: seeLog(container, session),
      output,
    });
  }
  const what = status === undefined ? "gone" : "no longer running";
  return new UserError(`The container "${container.label}" is ${what}, and "${session}" with it`, {
    hint: status === undefined ? "See create.ts --list" : "Start the app again, which starts the container",
  });
}

export function seeLog(container: Container, session: string): string {
  return `To see what the app and the server printed: ${attachLine(container, "--logs", session)}`;
}

/** How much of the end of a log is read to learn how its app ended, in bytes. */
const tailBytes = 256 * 1024;

/** How many lines of output an {@linkcode AppOutcome} has at most. */
const shownLines = 15;

/** How the app of a session has ended, by the session's log; undefined when there is no log. */
export async function appOutcome(container: Container, session: string): Promise<AppOutcome | undefined> {
  const log = (await container.log({ session, bytes: tailBytes }))?.text;
  return log === undefined ? undefined : outcomeIn(log);
}

/** How the app of a session has ended, by the end of the session's log. */
export function outcomeIn(log: string): AppOutcome {
  // run_app.sh and session.sh print these lines. An app may print the same; the last one counts. What it printed
  // last need not end its line.
  const start = log.indexOf("The app is started\n");
  const end = [...log.matchAll(/The app ended with exit status (\d+)$/gm)].at(-1);
  const output = log.slice(start < 0 ? 0 : log.indexOf("\n", start) + 1, end?.index).split("\n");
  return {
    status: end && Number(end[1]),
    stopped: /The session is stopped$/m.test(log),
    unknownOption: start < 0 ? /^no such option: (\S+)$/m.exec(log)?.[1] : undefined,
    // An app that joins prints it there, too.
    lacksX: /^There is no Xwayland or openbox in this container.*\nThe app ended with exit status \d+$/m.test(log),
    output: output.filter((line) => !xpraLine.test(line)).slice(-shownLines).join("\n"),
  };
}

/** A line of xpra's own log starts with its time; all other lines are the app's. */
const xpraLine = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} /;
