/** How a session ended, and what the user is told about it. */

import { attachLine } from "./advice.ts";
import type { WindowsEnd } from "../../guard/closing.ts";
import { isLive, mayRunOn, statusNow } from "./live_sessions.ts";
import { ExitCode, UserError } from "../../base/errors.ts";
import type { Container } from "../../container/container.ts";

/** How the app of a session ended, according to its log. */
export interface AppOutcome {
  /** The app's exit status; undefined when the session was ended from outside. */
  status: number | undefined;
  stopped: boolean;
  /** A server option that the container's xpra does not know. */
  unknownOption: string | undefined;
  /** The app supports only X, and the container has no X server for sessions on Wayland. */
  lacksX: boolean;
  /** The last lines of the app and the server. */
  output: string;
}

export interface SessionEnd {
  /** How they ended; "unknown" to a run that did not show them. */
  windows: WindowsEnd | "unknown";
  /** The end of the hint when its app has failed. */
  hint?(app: AppOutcome): string;
  /** The error if the display is the reason why the app failed. */
  lost?(): Promise<UserError | undefined>;
  /** The error if they are gone although the app has not ended; undefined if the user knows why. */
  failure(app: AppOutcome | undefined): Promise<UserError | undefined> | UserError;
}

/**
 * Reports how a session ended, unless by a signal to this run. A user who has closed its last window expects the app to
 * end, with any exit status.
 *
 * @throws {UserError} when the app or its display failed
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

/** The error for a session that neither its app nor its user has ended. */
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

/** Whether a session runs on when a run that has shown it ends: after a signal, or because its client has failed. */
export async function runsOnAfter(container: Container, session: string): Promise<boolean> {
  if (container.host.signal.aborted) return await mayRunOn(container, session);
  if (!await isLive(container, session, { unknown: true }).catch(() => true)) return false;
  // A session whose app has ended is about to end.
  const app = await appOutcome(container, session).catch(() => undefined);
  return app?.status === undefined && !app?.stopped;
}

export function seeLog(container: Container, session: string): string {
  return `To see what the app and the server printed: ${attachLine(container, "--logs", session)}`;
}

/** How much of the end of a log is read to find out how its app ended, in bytes. */
const tailBytes = 256 * 1024;

/** The most lines of output in an {@linkcode AppOutcome}. */
const shownLines = 15;

/** How the app of a session ended, according to the session's log; undefined if there is no log. */
export async function appOutcome(container: Container, session: string): Promise<AppOutcome | undefined> {
  const log = (await container.log({ session, bytes: tailBytes }))?.text;
  return log === undefined ? undefined : outcomeIn(log);
}

/** How the app of a session ended, according to the end of the session's log. */
export function outcomeIn(log: string): AppOutcome {
  // run_app.sh and session.sh print these lines. An app may print the same; the last one counts. The app's last output
  // may lack a newline.
  const start = log.indexOf("The app is started\n");
  const end = [...log.matchAll(/The app ended with exit status (\d+)$/gm)].at(-1);
  const output = log.slice(start < 0 ? 0 : log.indexOf("\n", start) + 1, end?.index).split("\n");
  return {
    status: end && Number(end[1]),
    stopped: /The session is stopped$/m.test(log),
    unknownOption: start < 0 ? /^no such option: (\S+)$/m.exec(log)?.[1] : undefined,
    // Joined apps print it there too, so the app's end must follow.
    lacksX: /^There is no Xwayland or openbox in this container.*\nThe app ended with exit status \d+$/m.test(log),
    output: output.filter((line) => !xpraLine.test(line)).slice(-shownLines).join("\n"),
  };
}

/** xpra's own lines start with a timestamp; all others are the app's. */
const xpraLine = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} /;
