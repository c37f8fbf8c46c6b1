/** The command line of a desktop entry: its Exec key. The container wrote it, so it is not trusted. */

import { splitWords, WordsError } from "../base/shell_words.ts";

export interface ExecLine {
  /** Its words. Each has only letters, digits and `@+=:,./_-`, so none needs quotes. */
  command: readonly string[];
  program: string;
  /** What the program accepts as a further argument. */
  opens: "nothing" | "file" | "address";
}

/** A word without characters that are special to a shell or a launcher. */
const plainWord = /^[A-Za-z0-9@+=:,./_-]+$/;

const maxCommand = { words: 40, characters: 1_000 };

const escapes: ReadonlyMap<string, string> = new Map([["s", " "], ["n", "\n"], ["t", "\t"], ["r", "\r"], ["\\", "\\"]]);

/** The value of a key with its escape sequences decoded. */
export function unescapeValue(value: string): string {
  return value.replace(/\\(.)/g, (whole, character: string) => escapes.get(character) ?? whole);
}

/**
 * Parses a command line. Field codes become {@linkcode ExecLine.opens}; flatpak's markers around them are dropped.
 *
 * @returns undefined when there is no program, or when a word has a character that is special to a shell or a launcher
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
  // attach.ts would take a first word with a dash for an option of its own.
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
