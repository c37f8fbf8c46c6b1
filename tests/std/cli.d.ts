/** The types of what this project uses of `@std/cli`; the npm mirror of the same code ships none. */

/** Options of {@linkcode parseArgs}. */
export interface ParseOptions {
  /** Names that are true or false. */
  boolean?: readonly string[];
  /** Names that take a value, always a string; `_` keeps positionals strings. */
  string?: readonly string[];
  /** Names whose values are gathered into a list. */
  collect?: readonly string[];
  /** Other spellings of a name. */
  alias?: Readonly<Record<string, string>>;
  /** Everything after the first positional is positional. */
  stopEarly?: boolean;
  /** Called for each argument that no other option names, positionals (without a key) included. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** Parses command-line arguments: names to values, and the positionals in `_`. */
export function parseArgs(args: string[], options?: ParseOptions): { _: string[]; [name: string]: unknown };
