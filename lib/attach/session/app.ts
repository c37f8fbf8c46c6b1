/** The app of a session: its words on the command line, and the script that runs it. */

import openboxXml from "./openbox.xml" with { type: "text" };
import runApp from "./run_app.sh" with { type: "text" };
import runOnEither from "./run_on_either.sh" with { type: "text" };
import runOnXSh from "./run_on_x.sh" with { type: "text" };
import { resolve, toFileUrl } from "@std/path";
import { ExitCode, inputError, UserError } from "../../base/errors.ts";
import { isOption } from "../../cli/options.ts";
import { isXpraOption } from "../../cli/xpra_options.ts";
import { quoteWord, splitWords, withValues, WordsError } from "../../base/shell_words.ts";

/**
 * Splits APP into the app's words.
 *
 * @throws {UserError} exit code 2 when a quote is not closed, or there is no program
 */
export function splitCommandLine(commandLine: string): string[] {
  try {
    const words = splitWords(commandLine);
    if (words.length === 0 || words[0] === "") throw new WordsError("It names no program");
    return words;
  } catch (error) {
    if (!(error instanceof WordsError)) throw error;
    throw inputError(`APP cannot be split into words: ${error.message}`, "Quote it as for a POSIX shell");
  }
}

/**
 * Sorts the words after NAME: APP, further words for the app, and options of xpra. All words after `--` are the app's.
 *
 * @param options `rest`: the words after `--`; `lendsFiles`: further words that are not options are files to lend;
 * `line`: returns the command line that runs an app with these words
 * @returns `app`: undefined if a live session is meant; `userOptions`: options of xpra; `files`: for a disposable copy
 * @throws {UserError} exit code 2 for an option in front of the app that is not xpra's
 */
export function sortAppWords(
  words: readonly string[],
  { rest, lendsFiles, line }: {
    rest: readonly string[];
    lendsFiles: boolean;
    line: (app: readonly string[]) => string;
  },
): { app: string[] | undefined; userOptions: string[]; files: string[] } {
  const at = words.findIndex((word) => !isOption(word));
  const app = at < 0 ? [] : splitCommandLine(words[at]!);
  const forApp = at < 0 ? "" : `. For the app: ${line([...app, ...words.filter((_, index) => index !== at), ...rest])}`;
  const [userOptions, files]: string[][] = [[], []];
  for (const [index, word] of words.entries()) {
    if (index === at) continue;
    if (isXpraOption(word, forApp)) userOptions!.push(word);
    else if (index < at || at < 0) {
      throw inputError(
        `"${word}" is not an option of attach.ts, nor one that it hands on to xpra`,
        `See attach.ts --help${forApp}`,
      );
    } else if (lendsFiles && !isOption(word)) files!.push(word);
    else app.push(word);
  }
  app.push(...rest);
  return { app: app.length > 0 ? app : undefined, userOptions: userOptions!, files: files! };
}

/** run_on_x.sh with its value. */
export const runOnX = withValues(runOnXSh, { openbox_config: openboxXml });

/** The shell script that runs the app in its session. */
export function appScript(app: readonly string[]): string {
  return `set -- ${app.map(quoteWord).join(" ")}\n${runOnX}${runOnEither}${runApp}`;
}

/**
 * The shell script that runs an app in another app's session. Its parameters are the position of the app's output in
 * the log, in bytes from 1, and the app's words.
 */
export const joinedAppScript = `${runOnX}${runOnEither}first_byte=$1; shift
run_on_either "$first_byte" "$1" "$@"; status=$?; await_restarted /dev/null; exit "$status"`;

/** The error for an app whose program is not in the container. The user may mean a file of this host. */
export async function noSuchApp(app: readonly string[], container: string, cause: unknown): Promise<UserError> {
  const path = resolve(app.join(" "));
  const isFile = await Deno.stat(path).then(({ isFile }) => isFile, () => false);
  return new UserError(`There is no program "${app[0]}" in the container "${container}"`, {
    hint: `Install it there, for example: create.ts --install ${container} apt:PACKAGE` +
      (isFile ? `. If the file of this host is meant, write its address: ${toFileUrl(path).href}` : ""),
    exitCode: ExitCode.missingProgram,
    cause,
  });
}
