/** The host's own cloud-init, where it is installed, as a checker of cloud-configs. */

import type { Part, PartFile } from "./user_data.ts";
import { ExitCode, isMissingProgram, ProcessError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { locateKey } from "../base/yaml.ts";

/**
 * Has the host's own cloud-init check a cloud-config, where it is installed. Deprecated keys pass.
 *
 * @throws {UserError} exit code 2, with file, line and column of each mistake
 */
export async function checkSchema(host: Host, part: Part): Promise<void> {
  const { path, text, type } = part;
  if (type !== "text/cloud-config") return;
  try {
    // From stdin: the path may be that of a pipe, which can be read only once.
    await host.run(["cloud-init", "schema", "--annotate", "--config-file=/dev/stdin"], {
      stdin: { text },
      looksOnly: true,
    });
  } catch (error) {
    if (isMissingProgram(error)) return;
    if (!(error instanceof ProcessError)) throw error;
    const [first, ...more] = schemaMistakes(part, error);
    if (first === undefined) {
      return host.ui.warn(`This host's cloud-init could not check "${path}": ${error.output.split("\n").at(-1)}`);
    }
    throw new UserError(first, {
      hint: "See which keys and values cloud-init accepts: https://docs.cloud-init.io/en/latest/reference/modules.html",
      exitCode: ExitCode.usage,
      output: more.join("\n"),
      cause: error,
    });
  }
}

/** What cloud-init says of keys that it does not know. */
const unknownKeys = /Additional properties are not allowed \((.{0,2000}) (?:was|were) unexpected\)/;

/**
 * The mistakes that `cloud-init schema --annotate` finds (seen with 25.1). It prints the file with `# E1,E2` after
 * each wrong line, and below the file a line `# E1: MESSAGE` for each mark.
 *
 * @returns one line for each, starting `path:line:column:`
 */
export function schemaMistakes(
  { path, text }: PartFile,
  { stdout, stderr }: Pick<ProcessError, "stdout" | "stderr">,
): string[] {
  const lines = text.split("\n");
  const printed = stdout.split("\n");
  const mistakes = printed.slice(lines.length).flatMap((below) => {
    const [, mark, message] = /^# (E\d+): (.*)/.exec(below) ?? [];
    if (mark === undefined) return [];
    const index = lines.findIndex((line, at) => printed[at]!.slice(line.length).split(/[\s,]/).includes(mark));
    const line = lines[index] ?? "";
    const what = message!.replace(unknownKeys, "cloud-init knows no key $1");
    return `${path}:${index + 1}:${line.search(/\S/) + 1}: ${what}: "${line.trim().slice(0, 60)}"`;
  });
  if (mistakes.length > 0) return mistakes;
  // For two unknown keys at the top level, cloud-init 25.1 gives no lines: it prints a traceback in place of marks.
  return [...stderr.match(unknownKeys)?.[1]?.matchAll(/'([^']*)'/g) ?? []].map(([quoted, key]) => {
    const { line, column } = locateKey(text, [key!]);
    return `${path}:${line}:${column}: cloud-init knows no key ${quoted}`;
  });
}
