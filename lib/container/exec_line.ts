/** The command line of a desktop entry, its key Exec. The container has written it, or its packages have. */

import { splitWords, WordsError } from "../base/shell_words.ts";

export interface ExecLine {
  /** Its words. Each consists of letters, digits and `@+=:,./_-`: none needs quotes. */
  command: readonly string[];
  program: string;
  /** What can be added to the command line. */
  opens: "nothing" | "file" | "address";
}

/** A word of a command line that no shell and no launcher reads as anything else. */
const plainWord = /^[A-Za-z0-9@+=:,./_-]+$/;

const maxCommand = { words: 40, characters: 1_000 };

const escapes: ReadonlyMap<string, string> = new Map([["s", " "], ["n", "\n"], ["t", "\t"], ["r", "\r"], ["\\", "\\"]]);

/** The text that the value of a key stands for. */
export function unescapeValue(value: string): string {
  return value.replace(/\\(.)/g, (whole, character: string) => escapes.get(character) ?? whole);
}

/**
 * Takes a command line apart. Its field codes become {@linkcode ExecLine.opens}; what flatpak puts around them is left
 * out.
 *
 * @returns undefined when there is no program, or when a word has a character that a shell or a launcher might obey
 */
export function parseExecLine(exec: string): ExecLine | undefined {
  let words: string[];
  try {
    words = splitWords(unescapeValue(exec));
  } catch (error) {
    if (error instanceof WordsError) return undefined;
    throw error;
  }
  const command = words.filter((word) => !/^(?:%[a-zA-Z]|@@u?)$/.test(word));
  const path = command.find((word, index) => !(index === 0 && /^(?:.*\/)?env$/.test(word)) && !/^\w+=/.test(word)) ??
    "";
  const program = path.replace(/^.*\//, "");
  // attach.ts takes a word with a dash for an option of its own.
  if (!/^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(program) || command[0]!.startsWith("-")) return undefined;
  if (!command.every((word) => plainWord.test(word)) || command.length > maxCommand.words) return undefined;
  if (command.join(" ").length > maxCommand.characters) return undefined;
  const opens = words.some((word) => /^%[uU]$/.test(word))
    ? "address"
    : words.some((word) => /^%[fF]$/.test(word))
    ? "file"
    : "nothing";
  return { command, program, opens };
}
