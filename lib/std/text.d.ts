/** The types of what this project uses of `@std/text`; the npm mirror of the same code ships none. */

/** How many characters are to be inserted, removed or replaced until one text is the other. */
export function levenshteinDistance(one: string, other: string): number;
