/** The types of what this project uses of `@std/yaml`; the npm mirror of the same code ships none. */

/** Parses one YAML document. Throws a `SyntaxError` whose message ends in ` at line L, column C:` and the text. */
export function parse(content: string, options?: { allowDuplicateKeys?: boolean }): unknown;

/** Writes a value as a YAML document. */
export function stringify(data: unknown, options?: { lineWidth?: number }): string;
