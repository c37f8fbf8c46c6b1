/**
 * Words of a command line: split by the quoting rules of a POSIX shell, and quoted so that such a shell reads them
 * back. Rules: POSIX.1-2024, Shell Command Language, section 2.2 (Quoting). Nothing is expanded and no operator is
 * known.
 */

/** Thrown by {@linkcode splitWords} for a quote that is not closed, or a backslash at the end. */
export class WordsError extends Error {
  override name = "WordsError";
}

/**
 * Splits `text` into words at blanks (space, tab, newline). Within `'…'` every character stands for itself. Within
 * `"…"` so does every character, except a backslash before `$`, ``
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
  for (const { 0: piece, index } of text.matchAll(pieces)) {
    const unclosed = unclosedAt.get(piece);
    if (unclosed) throw new WordsError(unclosed(index + 1));
    if (/^[ \t\n]/.test(piece)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (piece !== "\\\n") word = (word ?? "") + unquoted(piece);
  }
  return word === undefined ? words : [...words, word];
}

/**
 * Blanks, a quoted part, a character after a backslash, and what needs no quoting; else, a quote that is not closed.
 */
const pieces = /[ \t\n]+|'[^']*'|"(?:[^"\\]|\\[^])*"|\\[^]|[^ \t\n'"\\]+|['"\\]/g;

/** The messages for what is not closed, by its first character. */
const unclosedAt = new Map([
  ["'", (at: number) => `The single quote at character ${at} is not closed`],
  ['"', (at: number) => `The double quote at character ${at} is not closed`],
  ["\\", (at: number) => `The backslash at character ${at} is at the end`],
]);

function unquoted(piece: string): string {
  if (piece.startsWith("'")) return piece.slice(1, -1);
  if (piece.startsWith("\\")) return piece.slice(1);
  return piece.startsWith('"') ? piece.slice(1, -1).replace(/\\\n|\\([$`"\\])/g, "$1") : piece;
}

/**
 * One word as a POSIX shell reads it back, byte for byte, and so do bash, zsh and fish: sshd hands words to the login
 * shell. A word of harmless characters stays as it is.
 *
 * @example
 * ```ts
 * quoteWord("it's"); // `'it'\''s'`
 * ```
 */
export function quoteWord(word: string): string {
  // In fish a backslash escapes within single quotes, too, and "%self" is a number; in zsh "=ls" is a path.
  return /^[\w@+:,./-][\w@%+=:,./-]*$/.test(word) ? word : `'${word.replace(/['\\]/g, "'\\$&'")}'`;
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
