/** The names of instances, as users give them. */

import { inputError } from "../base/errors.ts";

/**
 * Whether `name` can name a container, by the engines' own rule: 1 to 63 letters, digits and dashes; the first is a
 * letter, the last is not a dash (RFC 1123 host names, without a leading digit).
 */
export function isInstanceName(name: string): boolean {
  return /^[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(name);
}

/**
 * Reads a container's name as the user gives it, `[REMOTE:]NAME`.
 *
 * @returns `remote`: undefined for the default of the engine's CLI
 * @throws {UserError} exit code 2
 */
export function parseInstancePath(word: string): { remote: string | undefined; name: string } {
  const colon = word.indexOf(":");
  const [remote, name] = colon < 0 ? [undefined, word] : [word.slice(0, colon), word.slice(colon + 1)];
  if (!isInstanceName(name)) {
    throw inputError(
      `"${name}" cannot be the name of a container`,
      'Use 1 to 63 letters, digits and "-"; start with a letter, do not end in "-"',
    );
  }
  if (remote === "") throw inputError(`"${word}" names no remote`, "Write REMOTE:NAME, or NAME alone");
  return { remote, name };
}
