/** The host's own cloud-init, where it is installed, as a checker of cloud-configs: its mistakes with line and column. */

import type { Part } from "./cloud_init.ts";
import { ExitCode, ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { isMap, locateKey, parseYaml } from "../base/yaml.ts";

/**
 * Has the host's own cloud-init check a cloud-config, where it is installed. What is only deprecated is no mistake.
 *
 * @throws {UserError} exit code 2, with file, line and column of each mistake
 */
export async function checkSchema(host: Host, path: string, { type, content }: Part): Promise<void> {
  if (type !== "text/cloud-config" || host.dryRun) return;
  try {
    // Not by its path, which may be a pipe that was read already.
    await host.run(["cloud-init", "schema", "--config-file=/dev/stdin"], { stdin: { text: content }, looksOnly: true });
  } catch (error) {
    if (error instanceof UserError && error.exitCode === ExitCode.missingProgram) return;
    if (!(error instanceof ProcessError)) throw error;
    const [first, ...more] = schemaMistakes(path, content, error.stderr);
    if (first === undefined) {
      return host.ui.warn(`This host's cloud-init could not check "${path}": ${error.output.split("\n").at(-1)}`);
    }
    throw new UserError(first, {
      hint: "Write what cloud-init takes there: https://docs.cloud-init.io/en/latest/reference/modules.html",
      exitCode: ExitCode.usage,
      output: more.join("\n"),
      cause: error,
    });
  }
}

/**
 * The mistakes in what `cloud-init schema` prints (seen with 25.1): `KEY.INDEX.KEY: MESSAGE` of each, joined by commas; a message
 * may hold commas and colons itself.
 *
 * @returns one line for each, starting `path:line:column:`
 */
export function schemaMistakes(path: string, content: string, stderr: string): string[] {
  const notYaml = /format-l(\d+)\.c(\d+): .*? is not valid YAML\. (.*)/.exec(stderr);
  if (notYaml) return [`${path}:${notYaml[1]}:${notYaml[2]}: Not valid YAML: ${notYaml[3]}`];
  const errors = /Cloud config schema errors: (.*)/.exec(stderr)?.[1];
  if (errors === undefined) return [];
  const data = parseYaml(path, content);
  const begins = (text: string): boolean => {
    const top = /^([\w-]*)(?:\.[\w.-]+)?: /.exec(text)?.[1];
    return top === "" || top !== undefined && isMap(data) && top in data;
  };
  const mistakes: string[] = [];
  for (const piece of errors.split(", ")) {
    if (mistakes.length === 0 || begins(piece)) mistakes.push(piece);
    else mistakes.push(`${mistakes.pop()}, ${piece}`);
  }
  return mistakes.flatMap((mistake) => {
    const [, key = "", message = mistake] = /^(\S*?): (.*)$/.exec(mistake) ?? [];
    const keys = key.split(".").filter(Boolean);
    const at = (keys: readonly string[]): string => {
      const { line, column } = locateKey(content, keys);
      return `${path}:${line}:${column}`;
    };
    const unknown = /^Additional properties are not allowed \((.*) (?:was|were) unexpected\)$/.exec(message)?.[1];
    if (unknown === undefined) return [`${at(keys)}: "${key}": ${message}`];
    // A single unknown key of the top level is given as the place of the mistake, too.
    return [...unknown.matchAll(/'([^']*)'/g)].map(([, name]) => {
      const place = key === name ? keys : [...keys, name!];
      return `${at(place)}: cloud-init knows no key "${place.join(".")}"`;
    });
  });
}
