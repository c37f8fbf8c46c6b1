/** The findings of `--doctor`. */

import { isFailure, UserError } from "../base/errors.ts";
import { oneLine } from "../base/text.ts";

/** The subject of a finding on which the last line depends. */
export type Subject = "container" | "network" | "box" | "xpra" | "x11" | "wayland";

export interface Finding {
  /**
   * `ok`: as it should be. `absent`: missing, but the script can work without it. `risk`: it works with less
   * protection, or may fail. `broken`: the script cannot do its work.
   */
  verdict: "ok" | "absent" | "risk" | "broken";
  what: string;
  /** Commands that fix it, or a sentence that says how. */
  hint?: string | undefined;
  /** Set when the last line depends on it. */
  about?: Subject;
}

/** A finding that all is as it should be. */
export const ok = (what: string, hint?: string): Finding => ({ verdict: "ok", what, hint });

/** A finding that something is missing without which the script can work. */
export const absent = (what: string, hint?: string): Finding => ({ verdict: "absent", what, hint });

/** A finding that something protects less than it could, or may fail. */
export const risk = (what: string, hint: string): Finding => ({ verdict: "risk", what, hint });

/** A finding that the script cannot do its work. */
export const broken = (what: string, hint?: string): Finding => ({ verdict: "broken", what, hint });

/** How much of a failed program's output is shown, in UTF-16 code units: a container may have written it. */
const maxOutput = 300;

/**
 * The finding for a check that failed, such as one whose program did not end.
 *
 * @param where after the message about a program, such as "in the container …"
 */
export function failureOf(error: unknown, where?: string): Finding {
  if (!isFailure(error)) throw error;
  if (error instanceof UserError) return broken(error.message, error.hint);
  const message = [error.message, where].filter(Boolean).join(" ");
  const output = oneLine(error.output.trim());
  const shown = output.length > maxOutput ? `${output.slice(0, maxOutput)}…` : output;
  return broken(shown === "" ? message : `${message}: ${shown}`);
}
