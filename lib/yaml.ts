/** YAML files of the user: read with errors that name file, line and column. */

// @ts-types="./types/std_yaml.d.ts"
import { parse } from "@std/yaml";
import { inputError } from "./errors.ts";

/**
 * Parses the one document of a YAML file.
 *
 * @param path the file's name, for errors
 * @throws {UserError} exit code 2, its message starting `path:line:column:`
 */
export function parseYaml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const [, what = error.message, line = "1", column = "1"] =
      /^(.*?) at line (\d+), column (\d+)/s.exec(error.message) ??
        [];
    throw inputError(
      `${path}:${line}:${column}: Not valid YAML: ${what}`,
      "Mend that line; YAML is indented with spaces",
    );
  }
}

/** Whether a parsed value is a map with text keys. */
export function isMap(data: unknown): data is Record<string, unknown> {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

/**
 * Line and column, from 1, of the key that `keys` lead to in a text in block style; of the innermost one that could be
 * found otherwise.
 */
export function locateKey(text: string, keys: readonly string[]): { line: number; column: number } {
  const wanted = [...keys];
  let found = { line: 1, column: 1 };
  for (const [index, line] of text.split("\n").entries()) {
    const match = /^(\s*)(?:"([^"]*)"|'([^']*)'|([^\s#'"][^:]*?))\s*:(?:\s|$)/.exec(line);
    if (!match || (match[2] ?? match[3] ?? match[4]) !== wanted[0]) continue;
    found = { line: index + 1, column: match[1]!.length + 1 };
    wanted.shift();
    if (wanted.length === 0) break;
  }
  return found;
}
