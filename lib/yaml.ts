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
  const hint = "Mend that line; YAML is indented with spaces";
  // The parser of @std/yaml 1.4 takes a tab; cloud-init's would give up. In a block scalar no line starts with one.
  const tab = text.split("\n").findIndex((line) => /^\t+\S/.test(line));
  try {
    const data = parse(text);
    if (tab >= 0) throw inputError(`${path}:${tab + 1}:1: Not valid YAML: A tab cannot indent a line`, hint);
    return data;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const [, what = error.message, line = "1", column = "1"] =
      /^(.*?) at line (\d+), column (\d+)/s.exec(error.message) ??
        [];
    throw inputError(`${path}:${line}:${column}: Not valid YAML: ${what}`, hint);
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
  let outside = -1; // Indentation of the key found last: what is not deeper is not below it.
  let level: number | undefined; // Indentation of the keys below it.
  for (const [index, line] of text.split("\n").entries()) {
    if (wanted.length === 0) break;
    const match = /^(\s*)(?:"([^"]*)"|'([^']*)'|([^\s#'"][^:]*?))\s*:(?:\s|$)/.exec(line);
    if (!match) continue;
    const indentation = match[1]!.length;
    if (indentation <= outside) break;
    level ??= indentation;
    if (indentation !== level || (match[2] ?? match[3] ?? match[4]) !== wanted[0]) continue;
    found = { line: index + 1, column: indentation + 1 };
    wanted.shift();
    outside = indentation;
    level = undefined;
  }
  return found;
}
