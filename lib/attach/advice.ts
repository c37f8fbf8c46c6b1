/** Lines of attach.ts that the user may type next. */

import { quoteWords } from "../base/shell_words.ts";
import type { SshTarget } from "../container/ssh.ts";

/** Calls attach.ts with an option for the container, and for one of its sessions. */
export function attachLine(
  { name, options = [] }: Pick<SshTarget, "name" | "options">,
  option: "--list" | "--logs" | "--stop",
  ...session: string[]
): string {
  return quoteWords(["attach.ts", ...options, option, name, ...session]);
}

/** Shows a session again. */
export function reattachLine({ name, options = [] }: Pick<SshTarget, "name" | "options">, session: string): string {
  return quoteWords(["attach.ts", ...options, "--session", session, name]);
}
