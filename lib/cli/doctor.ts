/** How `--doctor` runs its checks and prints what they find: what is there, missing or risky, and how to fix it. */

import { chooseEngine, type Engine } from "../engine/engine.ts";
import { ExitCode, ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { oneLine } from "../base/text.ts";

/** The result of one check. */
export interface Finding {
  /**
   * `ok`: as it should be. `absent`: missing, but the script can work without it. `risk`: it works with less
   * protection. `broken`: the script cannot do its work.
   */
  verdict: "ok" | "absent" | "risk" | "broken";
  /** What was found, in one line. */
  what: string;
  /** Commands that fix it, or a sentence that says how. */
  hint?: string | undefined;
}

/** A finding that all is as it should be. */
export const ok = (what: string): Finding => ({ verdict: "ok", what });

/** A finding that something is missing without which the script can work. */
export const absent = (what: string, hint?: string): Finding => ({ verdict: "absent", what, hint });

/** A finding that something protects less than it could. */
export const risk = (what: string, hint: string): Finding => ({ verdict: "risk", what, hint });

/** A finding that the script cannot do its work. */
export const broken = (what: string, hint?: string): Finding => ({ verdict: "broken", what, hint });

/** Checks one thing. `engine` is the one that the script would use; undefined when none answers. */
export type HostCheck = (host: Host, engine: Engine | undefined) => Promise<Finding[]>;

/**
 * Runs all checks at the same time, and prints their findings in the order of the checks.
 *
 * @param options `wanted`: the engine that the user asks for
 * @returns the exit code: 1 when something is broken
 */
export async function diagnose(
  host: Host,
  { wanted, checks }: { wanted: string | undefined; checks: readonly HostCheck[] },
): Promise<number> {
  let engine: Engine | undefined;
  try {
    engine = await chooseEngine(host, { engine: wanted });
  } catch (error) {
    if (!(error instanceof UserError) || error.exitCode !== ExitCode.noEngine) throw error;
  }
  const findings = (await Promise.all(checks.map((check) => check(host, engine).catch((error) => tellFailure(error)))))
    .flat();
  const isBroken = findings.some(({ verdict }) => verdict === "broken");
  host.ui.result(findings.map(describe).join("\n"), { ok: !isBroken, findings });
  return isBroken ? ExitCode.failed : 0;
}

/** How much of a failed program's output is shown, in UTF-16 code units: a container may have written it. */
const maxOutput = 300;

/**
 * The finding for a check that failed, such as one whose program did not end.
 *
 * @param where after the error's message, such as "in the container …"
 */
export function tellFailure(error: unknown, where?: string): Finding[] {
  const message = [(error as Error).message, where].filter(Boolean).join(" ");
  if (error instanceof UserError) return [broken(message, error.hint)];
  if (!(error instanceof ProcessError)) throw error;
  const output = oneLine(error.output.trim());
  const shown = output.length > maxOutput ? `${output.slice(0, maxOutput)}…` : output;
  return [broken(shown === "" ? message : `${message}: ${shown}`)];
}

function describe({ verdict, what, hint }: Finding): string {
  const line = `${verdict.padEnd(6)}  ${what}`;
  return hint === undefined ? line : `${line}\n${hint.replace(/^/gm, "          ")}`;
}
