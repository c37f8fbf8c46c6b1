/** YAML files of the user. Errors name file, line and column. */

import { parse } from "@std/yaml";
import { inputError, type UserError } from "./errors.ts";

/**
 * The tags of YAML 1.1 that PyYAML's safe loader resolves. It accepts values after them that `@std/yaml`, which reads
 * YAML 1.2, refuses: `!!binary >`, `!!bool yes`, `!!int 1:30`.
 */
const standardTags =
  /!(?:!|<tag:yaml\.org,2002:)(?:binary|bool|float|int|map|null|omap|pairs|seq|set|str|timestamp)\b>?/g;

/**
 * Parses the one document of a YAML file.
 *
 * @param path the file's name, for errors
 * @param options `onDuplicateKey`: the file is for cloud-init, and is read as PyYAML's safe loader reads it; only its
 * maps and lists are reliable, not its scalars. The function is called with the first key that a map has twice, as
 * `path:line: "…"`; the last value counts
 * @throws {UserError} exit code 2, its message starting `path:line:column:`
 */
export function parseYaml(
  path: string,
  text: string,
  { onDuplicateKey }: { onDuplicateKey?: (place: string) => void } = {},
): unknown {
  const parsed = onDuplicateKey ? text.replaceAll(standardTags, (tag) => " ".repeat(tag.length)) : text;
  const lines = text.split("\n");
  const lineAt = (line: number): string => lines[line - 1]?.trim().slice(0, 60) ?? "";
  const invalid = (what: string, line: number, column: number): UserError => {
    const shown = lineAt(line);
    const message = `${path}:${line}:${column}: Not valid YAML: ${what}${shown ? `: "${shown}"` : ""}`;
    return inputError(message, "Fix that line or the one before; YAML is indented with spaces");
  };
  // @std/yaml 1.4 accepts a tab as indentation, PyYAML in cloud-init does not. No line of a block scalar starts with
  // one.
  const tab = lines.findIndex((line) => /^\t+\S/.test(line));
  const data = (function attempt(allowDuplicateKeys: boolean): unknown {
    try {
      return parse(parsed, { allowDuplicateKeys });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const [, what = error.message, line = "1", column = "1"] =
        /^(.*?) at line (\d+), column (-?\d+)/s.exec(error.message) ?? [];
      if (onDuplicateKey && !allowDuplicateKeys && what.endsWith("duplicated key")) {
        onDuplicateKey(`${path}:${line}: "${lineAt(Number(line))}"`);
        return attempt(true);
      }
      // @std/yaml 1.4 counts the column of a duplicated key from another line, sometimes below zero.
      throw invalid(what, Number(line), Math.max(1, Number(column)));
    }
  })(false);
  if (tab >= 0) throw invalid("A tab cannot indent a line", tab + 1, 1);
  return data;
}

/** Whether a parsed value is a map with text keys. */
export function isMap(data: unknown): data is Record<string, unknown> {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

/**
 * The line and column, from 1, of the value at a path of keys, in which numbers are indices of lists, from 0. Reads
 * block style only. For a key that it does not find, it returns the place of the one around it.
 */
export function locateKey(text: string, keys: readonly (string | number)[]): { line: number; column: number } {
  let place = { line: 1, column: 1 };
  let depth = 0;
  let outer = -1; // The indentation of the last key found.
  let level: number | undefined; // The indentation of the keys below it.
  let items = 0;
  for (const { line, indentation, key } of marksIn(text)) {
    // A list may be indented as its key is; at the indentation of an item, the next item begins.
    if (indentation < outer || indentation === outer && (key !== undefined || typeof keys[depth - 1] === "number")) {
      break;
    }
    level ??= indentation;
    if (indentation !== level || (key ?? items++) !== keys[depth]) continue;
    place = { line, column: indentation + 1 };
    if (++depth === keys.length) break;
    [outer, level, items] = [indentation, undefined, 0];
  }
  return place;
}

/** The keys of a text, and the dashes that begin items, which have no key. */
function* marksIn(text: string): Generator<{ line: number; indentation: number; key?: string }> {
  for (const [index, line] of text.split("\n").entries()) {
    const [, spaces = "", dash = "", rest = ""] = /^(\s*)(-(?:\s+|$))?(.*)$/s.exec(line) ?? [];
    const at = { line: index + 1, indentation: spaces.length };
    if (dash !== "") yield at;
    const [, double, single, plain] = /^(?:"([^"]*)"|'([^']*)'|([^\s#'"-][^:]*?))\s*:(?:\s|$)/.exec(rest) ?? [];
    const key = double ?? single ?? plain;
    if (key !== undefined) yield { ...at, indentation: at.indentation + dash.length, key };
  }
}
