/** YAML files of the user: read with errors that name file, line and column. */

import { parse } from "@std/yaml";
import { inputError, type UserError } from "./errors.ts";

/**
 * Parses the one document of a YAML file.
 *
 * @param path the file's name, for errors
 * @throws {UserError} exit code 2, its message starting `path:line:column:`
 */
export function parseYaml(path: string, text: string): unknown {
  const lines = text.split("\n");
  const invalid = (what: string, line: number, column: number): UserError => {
    const shown = lines[line - 1]?.trim().slice(0, 60);
    const message = `${path}:${line}:${column}: Not valid YAML: ${what}${shown ? `: "${shown}"` : ""}`;
    return inputError(message, "Mend that line, or the one before; YAML is indented with spaces");
  };
  // The parser of @std/yaml 1.4 takes a tab; cloud-init's would give up. In a block scalar no line starts with one.
  const tab = lines.findIndex((line) => /^\t+\S/.test(line));
  try {
    const data = parse(text);
    if (tab >= 0) throw invalid("A tab cannot indent a line", tab + 1, 1);
    return data;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const [, what = error.message, line = "1", column = "1"] =
      /^(.*?) at line (\d+), column (\d+)/s.exec(error.message) ??
        [];
    throw invalid(what, Number(line), Number(column));
  }
}

/** Whether a parsed value is a map with text keys. */
export function isMap(data: unknown): data is Record<string, unknown> {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

/**
 * Line and column, from 1, of the key or list item that `keys` lead to in a text in block style; of the innermost one that
 * could be found otherwise. A list item is named by its number, from 0.
 */
export function locateKey(text: string, keys: readonly string[]): { line: number; column: number } {
  const wanted = [...keys];
  let found = { line: 1, column: 1 };
  let outer = { column: 0, isItem: true }; // What was found last: what is not deeper is not below it.
  let level: number | undefined; // Column of what is right below it.
  let items = 0; // How many of its list items were seen.
  for (const { line, column, key } of entries(text)) {
    if (wanted.length === 0) break;
    const isItem = key === undefined;
    // The items of a key's list may stand in the column of the key.
    if (column < outer.column || column === outer.column && (outer.isItem || !isItem)) break;
    level ??= column;
    if (column !== level || (isItem ? String(items++) : key) !== wanted[0]) continue;
    found = { line, column };
    wanted.shift();
    outer = { column, isItem };
    level = undefined;
    items = 0;
  }
  return found;
}

/** The keys and list items of a text in block style, in their order; several may stand on one line: `- name: x`. */
function* entries(text: string): Generator<{ line: number; column: number; key?: string }> {
  for (const [index, line] of text.split("\n").entries()) {
    const [start, spaces, dashes] = /^(\s*)((?:-(?:\s+|$))*)/.exec(line) as unknown as [string, string, string];
    for (const { index: dash } of dashes.matchAll(/-/g)) yield { line: index + 1, column: spaces.length + dash + 1 };
    const match = /^(?:"([^"]*)"|'([^']*)'|([^\s#'"-][^:]*?))\s*:(?:\s|$)/.exec(line.slice(start.length));
    const key = match && (match[1] ?? match[2] ?? match[3]);
    if (typeof key === "string") yield { line: index + 1, column: start.length + 1, key };
  }
}
