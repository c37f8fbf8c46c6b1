/** The app of a session: its command line, and the script that runs it. */

import runApp from "./run_app.sh" with { type: "text" };
import { ExitCode, inputError, UserError } from "../base/errors.ts";
import { quoteWord, splitWords, withValues, WordsError } from "../base/shell_words.ts";

/**
 * Splits APP_CMDLINE into the app's words.
 *
 * @throws {UserError} exit code 2 when a quote is not closed, or when it names no program
 */
export function splitCommandLine(commandLine: string): string[] {
  try {
    const words = splitWords(commandLine);
    if (words.length === 0 || words[0] === "") throw new WordsError("It names no program");
    return words;
  } catch (error) {
    if (!(error instanceof WordsError)) throw error;
    throw inputError(`APP_CMDLINE cannot be split into words: ${error.message}`, "Quote it as for a POSIX shell");
  }
}

/**
 * The script for sh that runs the app in its session.
 *
 * @param options `xpraDirectory`: where the session's socket is, in the container; `links`: the app's links are opened
 * on the host
 */
export function appScript(
  app: readonly string[],
  { xpraDirectory, links }: { xpraDirectory: string; links: boolean },
): string {
  return withValues(`set -- ${app.map(quoteWord).join(" ")}\n${runApp}`, {
    xpra_directory: xpraDirectory,
    links_open: links ? "yes" : "",
  });
}

/** The error for an app whose program is not in the container. */
export function noSuchApp(program: string, container: string, cause: unknown): UserError {
  return new UserError(`There is no program "${program}" in the container "${container}"`, {
    hint:
      "Install it there, for example: add it to packages: of a cloud-config file, or apt-get install in the container",
    exitCode: ExitCode.missingProgram,
    cause,
  });
}
