/** Runs programs in an instance, as root. The instance is not trusted: it may have replaced them. */

import { isFailure, isNoEngine, orNothing, ProcessError, type ProcessResult, UserError } from "../base/errors.ts";
import type { Host, RunOptions } from "../base/host.ts";
import { answers, engineArgv, type Instance, labelOf, run } from "./engine.ts";

/**
 * What the engine's CLI says when it could not start a program (Incus 6.0.4, on a busy machine just after the start of
 * an instance), or when the program had ended before the CLI had all its connections, which loses its answer (Incus
 * 7.0.2: 6 of 240 programs, twelve at a time; its issue 2419).
 */
export const lostAnswer = /Failed to retrieve PID of executing child process|Only running operations can be connected/;

/** How many times at most a program is run before its answer arrives. */
const maxRuns = 3;

/** Whether a program's answer was lost, so that another try may succeed. The program may have run. */
export function hasNoAnswer(error: unknown): error is ProcessError {
  return error instanceof ProcessError && lostAnswer.test(error.stderr);
}

/**
 * How much a program in an instance may answer, in bytes, and how long it may take: the instance may have replaced it.
 */
export const answerLimits = { maxOutputBytes: 2 ** 20, timeoutMs: 60_000 };

/** The last character of a whole answer. */
export const endMark = "\u0004";

/** Runs a program with an input, and prints {@linkcode endMark} after its output if it succeeds. */
export const marking = ["/bin/sh", "-c", `"$@" && printf '\\004'`, "sh"];

/**
 * The same for a program without an input. The shell then waits until its own input ends: once the answer has arrived.
 * The clients of LXD and Incus lose what they have not read when a program has ended and their server hangs up: on a
 * busy machine, with three at a time, 2 of 150 answers of LXD 5.0.2, 13 of Incus 6.0.4 and 23 to 60 of Incus 7.0.2.
 */
export const holding = ["/bin/sh", "-c", `"$@" </dev/null && printf '\\004' && { read -r _ || :; }`, "sh"];

/**
 * Runs a program as root in an instance. The instance is not trusted: what it answers is limited to 1 MiB, and by
 * default to a minute. Captured output is complete, or it is an error.
 *
 * @param argv a program that may run again, up to three times
 * @param given a function is called for each try
 * @throws {UserError} when the answer does not arrive whole
 */
export async function exec(
  host: Host,
  instance: Instance,
  argv: readonly string[],
  given: RunOptions | (() => RunOptions) = {},
): Promise<ProcessResult> {
  const { engine } = instance;
  for (let tries = 1;; tries++) {
    const options = { ...answerLimits, ...(typeof given === "function" ? given() : given) };
    const wrapper = options.stdin === undefined ? holding : marking;
    const words = options.output === undefined ? await host.look(argv, () => [...wrapper, ...argv]) : argv;
    const input = words !== argv && wrapper === holding ? { openUntil: endMark } : {};
    try {
      const result = await run(host, engine, execArgs(instance, words), { ...options, ...input });
      if (words === argv || result.code !== 0) return result;
      if (result.stdout.endsWith(endMark)) return { ...result, stdout: result.stdout.slice(0, -endMark.length) };
    } catch (error) {
      if (hasNoAnswer(error) && tries < maxRuns) continue;
      // The program itself may have printed what looks like an engine that does not answer.
      if (error instanceof UserError && error.cause instanceof ProcessError && await answers(host, engine)) {
        throw error.cause;
      }
      throw error;
    }
    if (tries === maxRuns) {
      throw new UserError(`The output of a program in "${labelOf(instance)}" was cut off`, { hint: "Try it again" });
    }
  }
}

/** How long {@linkcode outputOf} waits, in milliseconds: in a frozen instance no program ever ends. */
export const outputMs = 10_000;

/**
 * The output of a program that root runs in an instance; undefined when it fails, as in a stopped instance, or when its
 * answer does not arrive whole.
 *
 * @throws {UserError} exit code 125 when the engine cannot be reached
 */
export async function outputOf(host: Host, instance: Instance, argv: readonly string[]): Promise<string | undefined> {
  const ran = exec(host, instance, argv, { timeoutMs: outputMs });
  return (await orNothing(ran, (error) => isFailure(error) && !isNoEngine(error)))?.stdout;
}

/** A command line that runs a program as root in an instance, for a caller that starts it by itself. */
export function execArgv(instance: Instance, argv: readonly string[]): string[] {
  return engineArgv(instance.engine, execArgs(instance, argv));
}

function execArgs(instance: Instance, argv: readonly string[]): string[] {
  return ["exec", labelOf(instance), "--mode", "non-interactive", "--", ...argv];
}
