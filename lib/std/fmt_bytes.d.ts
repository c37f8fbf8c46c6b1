/** The types of what this project uses of `@std/fmt/bytes`; the npm mirror of the same code ships none. */

/** A size for people, in three digits: `1.5 MB`, or with `binary` `1.43 MiB`. */
export function format(bytes: number, options?: { binary?: boolean }): string;
