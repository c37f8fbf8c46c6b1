/** Options of the lab's commands: each takes one of a few words. */

import { inputError } from "../../lib/base/errors.ts";

/** What to do about a command line that is wrong. */
export const hint = "See deno task lab --help";

/** Options by name, with the words that each takes. */
type Choices = Readonly<Record<string, readonly string[]>>;

/**
 * Takes the options that `args` begin with; `rest` is what comes after them, or after a `--`.
 *
 * @throws {UserError} for an unknown option, and for a word that an option does not take
 */
export function takeOptions<Known extends Choices>(
  args: readonly string[],
  known: Known,
): { options: { [Name in keyof Known]?: Known[Name][number] }; rest: readonly string[] } {
  const options: { [Name in keyof Known]?: Known[Name][number] } = {};
  let rest = args;
  while (rest[0]?.startsWith("-") && rest[0] !== "--") {
    const [, name = "", inline] = /^--([^=]*)(?:=(.*))?$/s.exec(rest[0]) ?? [];
    const words = Object.hasOwn(known, name) ? known[name]! : undefined;
    if (words === undefined) throw inputError(`Unknown option "${rest[0]}"`, hint);
    const word = inline ?? rest[1];
    if (word === undefined || !words.includes(word)) {
      throw inputError(`The option --${name} needs one of ${words.join(", ")}`, hint);
    }
    options[name as keyof Known] = word;
    rest = rest.slice(inline === undefined ? 2 : 1);
  }
  return { options, rest: rest[0] === "--" ? rest.slice(1) : rest };
}
