/** The stubs for completions in bash, zsh and fish, which call a script with `--complete` and offer what it prints. */

import { inputError } from "../base/errors.ts";
import { quoteWord } from "../base/shell_words.ts";
import bashStub from "./complete.bash" with { type: "text" };
import fishStub from "./complete.fish" with { type: "text" };
import zshStub from "./complete.zsh" with { type: "text" };

export interface Program {
  /** The name that it is started by: `attach.ts`, or `gui-attach` where it is installed. */
  name: string;
  /**
   * The file that the stub calls. If it called the command of the line, a file of that name in a shared directory would
   * run when the user presses Tab.
   */
  path: string;
}

/** The shells, each with the text of its stub, and how a path is quoted in that. */
const shells: Readonly<Record<string, { text: string; quote(path: string): string }>> = {
  bash: { text: bashStub, quote: quoteWord },
  zsh: { text: zshStub, quote: quoteWord },
  // In single quotes, fish takes a backslash before another one or before a quote as its escape.
  fish: { text: fishStub, quote: (path) => `'${path.replace(/[\\']/g, "\\$&")}'` },
};

export const shellNames: readonly string[] = Object.keys(shells);

/**
 * The text that a shell reads to complete the command lines of a script.
 *
 * @throws {UserError} exit code 2 for another shell
 */
export function completionStub({ name, path }: Program, shell: string): string {
  const stub = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
  if (!stub) throw inputError(`There are no completions for "${shell}"`, `Use one of ${shellNames.join(", ")}`);
  const commands = name.endsWith(".ts") ? [name, `gui-${name.slice(0, -".ts".length)}`] : [name];
  const values: Readonly<Record<string, string>> = {
    FUNCTION: `_${name.replace(/\W/g, "_")}`,
    PATH: stub.quote(path),
    COMMAND: commands[0]!,
    COMMANDS: commands.join(" "),
  };
  return stub.text.replace(/@([A-Z]+)@/g, (_, key: string) => values[key]!);
}
