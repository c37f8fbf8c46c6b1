/** The types of what this project uses of `@std/bytes`; the npm mirror of the same code ships none. */

/** Joins byte arrays into a new one. */
export function concat(arrays: readonly Uint8Array[]): Uint8Array<ArrayBuffer>;
