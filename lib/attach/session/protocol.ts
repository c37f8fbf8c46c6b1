/** The interface to sessions in containers: the verbs of session.sh, and the exit statuses. */

import sessionSh from "./session.sh" with { type: "text" };
import { withValues } from "../../base/shell_words.ts";

/** The verbs of session.sh, each a function there. */
export type Verb = "list" | "note_end" | "stop" | "undo" | "await" | "note" | "join" | "carry" | "start" | "agent";

/** The exit statuses of session.sh and agent.py, besides those of programs that they run. */
export const exitStatus = {
  /** The agent can serve nothing. */
  useless: 69,
  /** The agent of a later run has replaced this one. */
  replaced: 72,
  /** The agent is idle: session.sh starts it again when it is needed. */
  asleep: 73,
  /** A session of this name already exists. */
  taken: 75,
  /** No session of this name exists. */
  notLive: 76,
  /** The container lacks the sockets' directory. */
  noDirectory: 78,
  /** The host's end did not become ready. */
  calledOff: 79,
  /** The app supports only Wayland, and the session starts without being shown. */
  onlyWayland: 80,
} as const;

/** session.sh without comments, which need not be sent. */
const program = sessionSh.replace(/^ *#.*\n/gm, "");

/** The shell script that runs a verb in a container. session.sh lists the values of each verb. */
export function sessionScript(verb: Verb, values: Readonly<Record<string, string>> = {}): string {
  const statuses = Object.entries(exitStatus).map(([name, status]) =>
    [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), `${status}`] as const
  );
  // session.sh recognizes an agent's process by its line `verb=agent`, which must not be the first. The comment is for
  // dry runs, which print it.
  return withValues(`# session.sh ${verb}\n${program}`, { ...Object.fromEntries(statuses), verb, ...values });
}
