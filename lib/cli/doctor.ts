/** What `--doctor` finds out about a host: what is there, what is missing, what is risky; each with the line that mends it. */

import { chooseEngine, type Engine } from "../engine/engine.ts";
import { ExitCode, ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";

/**
 * What is thought of it. `ok`: as it should be. `absent`: not there, and not needed for all. `risk`: it works, and takes
 * protection away. `broken`: the script cannot do its work.
 */
export type Verdict = "ok" | "absent" | "risk" | "broken";

/** One thing that was looked at. */
export interface Finding {
  /** What is thought of it. */
  verdict: Verdict;
  /** What was found, in one line. */
  what: string;
  /** Commands, or a sentence, that mend it. */
  mend?: string;
}

/** Looks at one thing. `engine` is the one that the script would use; undefined when none answers. */
export type Check = (host: Host, engine: Engine | undefined) => Promise<Finding[]>;

/**
 * Carries checks out, side by side, and prints what they find, in their order.
 *
 * @param options `wanted`: the engine that is asked for
 * @returns the exit code: 1 when something is broken
 */
export async function diagnose(
  host: Host,
  { wanted, checks }: { wanted: string | undefined; checks: readonly Check[] },
): Promise<number> {
  let engine: Engine | undefined;
  try {
    engine = await chooseEngine(host, wanted);
  } catch (error) {
    if (!(error instanceof UserError) || error.exitCode !== ExitCode.noEngine) throw error;
  }
  const findings = (await Promise.all(checks.map((check) => check(host, engine).catch(tellFailure)))).flat();
  const isBroken = findings.some(({ verdict }) => verdict === "broken");
  host.ui.result(findings.map(describe).join("\n"), { ok: !isBroken, findings });
  return isBroken ? ExitCode.failed : 0;
}

/** A check that could not be carried out, such as a program that does not end. */
function tellFailure(error: unknown): Finding[] {
  if (error instanceof UserError) return [{ verdict: "broken", what: error.message, mend: error.hint }];
  if (error instanceof ProcessError) return [{ verdict: "broken", what: `${error.message}: ${error.output}` }];
  throw error;
}

function describe({ verdict, what, mend }: Finding): string {
  const line = `${verdict.padEnd(6)}  ${what}`;
  return mend === undefined ? line : `${line}\n${mend.replace(/^/gm, "          ")}`;
}
