/**
 * Words of a command line: split by the quoting rules of a POSIX shell, and quoted so that such a shell reads them
 * back. Rules: POSIX.1-2024, Shell Command Language, section 2.2 (Quoting). Nothing is expanded and no operator is
 * known.
 */

/** Thrown by {@linkcode splitWords} for a quote that is not closed, or a backslash at the end. */
export class WordsError extends Error {
  /** The class, for a stack trace. */
  override name = "WordsError";
}

/**
 * Splits `text` into words at blanks (space, tab, newline). Within `'…'` every character stands for itself. Within
 * `"…"` every character does but a backslash before `$`, ``
 * ` ``, `"`, `\` or a newline. Outside of quotes a backslash keeps the next character.
 *
 * @example Quotes group, nothing is expanded
 * ```ts
 * splitWords(`say "it's $5" ''`); // ["say", "it's $5", ""]
 * ```
 * @throws {WordsError}
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  while (at < text.length) {
    const character = text[at]!;
    if (character === " " || character === "\t" || character === "\n") {
      if (word !== undefined) words.push(word);
      word = undefined;
      at++;
    } else if (character === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) throw new WordsError(`The single quote at character ${at + 1} is not closed`);
      word = (word ?? "") + text.slice(at + 1, end);
      at = end + 1;
    } else if (character === '"') {
      const quoted = doubleQuoted(text, at);
      word = (word ?? "") + quoted.value;
      at = quoted.end;
    } else if (character === "\\") {
      const next = text[at + 1];
      if (next === undefined) throw new WordsError(`The backslash at character ${at + 1} is at the end`);
      if (next !== "\n") word = (word ?? "") + next;
      at += 2;
    } else {
      word = (word ?? "") + character;
      at++;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

function doubleQuoted(text: string, start: number): { value: string; end: number } {
  let value = "";
  let at = start + 1;
  while (at < text.length) {
    const character = text[at]!;
    if (character === '"') return { value, end: at + 1 };
    const next = text[at + 1];
    if (character === "\\" && next !== undefined && '$`"\\\n'.includes(next)) {
      if (next !== "\n") value += next;
      at += 2;
    } else {
      value += character;
      at++;
    }
  }
  throw new WordsError(`The double quote at character ${start + 1} is not closed`);
}

/**
 * One word as a POSIX shell reads it back, byte for byte. A word of harmless characters stays as it is.
 *
 * @example
 * ```ts
 * quoteWord("it's"); // `'it'\''s'`
 * ```
 */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * A command line that can be pasted into a POSIX shell: each word by {@linkcode quoteWord}, with spaces between them.
 * The first word names the program; it is quoted as well when it looks like the shell's own grammar, as `if` and `A=b`
 * do.
 */
export function quoteWords(words: readonly string[]): string {
  return words.map((word, index) => index === 0 && grammar.test(word) ? `'${word}'` : quoteWord(word)).join(" ");
}

/**
 * Reserved words, those of bash too, and assignments (POSIX.1-2024, Shell Command Language, sections 2.4 and 2.9.1).
 */
const grammar =
  /^(?:case|coproc|do|done|elif|else|esac|fi|for|function|if|in|select|then|time|until|while|\w+\+?=[\w@%+=:,./-]*)$/;

/**
 * A shell script with one assignment for each value in front of it. The values are quoted here, and nowhere else.
 *
 * @example
 * ```ts
 * withValues('echo "$greeting"', { greeting: "it's" }); // `greeting='it'\\''s'\necho "$greeting"`
 * ```
 */
export function withValues(script: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).map(([name, value]) => `${name}=${quoteWord(value)}\n`).join("") + script;
}
