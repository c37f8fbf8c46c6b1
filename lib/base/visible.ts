/** Texts of a container's that a user is to see as they are: of what nobody can see, nothing stays hidden in them. */

/**
 * Characters without ink that are no spaces. Unicode's classes lack a few: the blank of Braille, those of two old
 * scripts and of music.
 */
const unseen = /[\p{C}\p{Default_Ignorable_Code_Point}\u2800\u{13441}\u{13442}\u{16fe4}\u{1d159}]/gu;

/**
 * A text without the characters that nobody can see, be it that they steer a terminal or turn the direction of writing.
 *
 * @param keep those that stay all the same
 */
export function withoutUnseen(text: string, keep = ""): string {
  return text.replace(unseen, (character) => keep.includes(character) ? character : "");
}

/**
 * A text in which each character can be seen: those that cannot, or that look like a plain space, or that turn the
 * direction of writing, are written as `<U+202E>`. So are all but the first of several spaces in a row, which could
 * push the end of a text out of sight, and all but two marks on one letter, which could cover it. And backslashes: some
 * versions of zenity take them for the start of an escape (3.44 does, 4.1.90 does not).
 */
export function visible(text: string): string {
  return text.replace(unseen, writtenOut).replace(deceptive, writtenOut);
}

const deceptive = /\\|(?! )\p{Z}|(?<= ) |(?<=\p{M}{2})\p{M}/gu;

/** A character as `<U+202E>`. */
export function writtenOut(character: string): string {
  return `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}>`;
}
