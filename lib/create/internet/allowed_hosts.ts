/** The names of hosts that `--allow-hosts` takes. */

import { inputError } from "../../base/errors.ts";

/**
 * Reads names with commas between them. One with a dot in front stands for all names below it, and for itself.
 *
 * @returns the names without those that another one stands for, sorted: the same list has the same proxy
 * @throws {UserError} exit code 2 for what is not a name, such as an address
 */
export function parseHosts(text: string): string[] {
  const names = text.toLowerCase().split(",");
  for (const name of names) {
    if (/^\.?([a-z0-9_-]+\.)*[a-z][a-z0-9-]*$/.test(name) && name.length <= 253) continue;
    throw inputError(
      `"${name}" is not the name of a host`,
      "Write names with commas between them, such as example.org,.debian.org: a dot in front stands for all names below",
    );
  }
  const covers = (other: string, name: string): boolean =>
    other.startsWith(".") && other !== name && `.${name}`.endsWith(other);
  return [...new Set(names)].filter((name) => !names.some((other) => covers(other, name))).sort();
}
