/** What passes between this program and a session: the verbs of session.sh, their exit statuses, and the agent's version. */

import sessionSh from "./session.sh" with { type: "text" };
import { withValues } from "../../base/shell_words.ts";

/** What session.sh does, each in a function of its name. */
export type Verb = "list" | "note_end" | "stop" | "undo" | "await" | "note" | "join" | "carry" | "start" | "agent";

/** The exit statuses of session.sh and agent.py, besides those of the programs that they run. */
export const exitStatus = {
  /** The agent can serve nothing. */
  useless: 69,
  /** The agent of a later run has taken the place of this one. */
  replaced: 72,
  /** Nobody needs the agent just now: session.sh starts it again when somebody does. */
  asleep: 73,
  /** There is a session of this name. */
  taken: 75,
  /** There is no session of this name. */
  notLive: 76,
  /** The container lacks the directory of the sockets. */
  noDirectory: 78,
  /** The host's end has not become ready. */
  calledOff: 79,
  /** The app of a session that is not shown knows only Wayland. */
  onlyWayland: 80,
} as const;

/** session.sh without its comments, which need not travel. */
const program = sessionSh.replace(/^ *#.*\n/gm, "");

/** The script for sh that does something about sessions in a container. The values of each verb are in session.sh. */
export function sessionScript(verb: Verb, values: Readonly<Record<string, string>> = {}): string {
  const statuses = Object.entries(exitStatus).map(([name, status]) =>
    [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), `${status}`] as const
  );
  // The verb tells an agent's process from others: it has a line of its own there, which is not the first.
  // A dry run prints this comment.
  return withValues(`# session.sh ${verb}\n${program}`, { ...Object.fromEntries(statuses), verb, ...values });
}
