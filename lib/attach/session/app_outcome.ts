/** How the app of a session has ended, by the session's log. */

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
  const output = log.slice(Math.max(0, start), end?.index).split("\n").slice(1);
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
