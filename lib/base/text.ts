/** Makes untrusted text printable: for a terminal, for a line of a title or list, for a dialog. No other file does. */

// deno-lint-ignore no-control-regex
const unprintable = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text for a terminal or a dialog, of several lines: control characters except line ends and tabs, and those that
 * reverse the direction of writing (Unicode Standard Annex 9), become U+FFFD.
 */
export function printable(text: string): string {
  return text.replace(/(?<!\r)\r+(?=\n|$)/g, "").replace(unprintable, "\ufffd");
}

/** {@linkcode printable} text in one line: line ends and tabs become spaces. */
export function oneLine(text: string): string {
  return printable(text).replace(/[\n\t]/g, " ");
}

/**
 * One line of at most `max` characters for a window's title or a list, without control and format characters (which are
 * invisible, and can reverse a line), line and paragraph separators, and private-use and unassigned characters.
 */
export function shortLine(text: string, max: number): string {
  // Cut before looking at each character: the text may be as long as a packet.
  const characters = [...text.slice(0, max * 2)].slice(0, max).join("");
  return characters.replace(/[\t\r\n]+/g, " ").replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "");
}

/**
 * Characters that show nothing and are not spaces. Unicode's classes lack the blanks of Braille, two old scripts and
 * music.
 */
const invisible = /[\p{C}\p{Default_Ignorable_Code_Point}\u2800\u{13441}\u{13442}\u{16fe4}\u{1d159}]/gu;

/**
 * Removes invisible characters, including those that control a terminal or reverse the direction of writing.
 *
 * @param keep characters that stay nevertheless
 */
export function removeInvisible(text: string, keep = ""): string {
  return text.replace(invisible, (character) => keep.includes(character) ? character : "");
}

/**
 * Writes as `<U+202E>` what a reader cannot see or could mistake for something else: invisible characters, those that
 * look like a plain space or reverse the direction of writing, all but the first of several spaces in a row (they could
 * push the end of a text out of sight), all but two marks on one letter (they could cover it), and backslashes (zenity
 * 3.44 takes them for the start of an escape, 4.1.90 does not).
 */
export function revealInvisible(text: string): string {
  return text.replace(invisible, codePoint).replace(deceptive, codePoint);
}

const deceptive = /\\|(?! )\p{Z}|(?<= ) |(?<=\p{M}{2})\p{M}/gu;

/** A character as `<U+202E>`. */
export function codePoint(character: string): string {
  return `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}>`;
}

/**
 * How many columns of a terminal a text takes: two for a wide character (Unicode Standard Annex 11), one for any other,
 * with all of its marks. `unicodeWidth` of `@std/cli` lacks its table in the copy on npm.
 */
export function columnsOf(text: string): number {
  return [...new Intl.Segmenter().segment(text)].reduce((sum, { segment }) => sum + (wide.test(segment) ? 2 : 1), 0);
}

const wide =
  /^[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60]/u;
