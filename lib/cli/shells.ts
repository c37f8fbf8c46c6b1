/**
 * The completions of a script for bash, zsh and fish: stubs that call the script with `--complete`, and offer what it
 * prints.
 */

import { inputError } from "../base/errors.ts";
import { quoteWord } from "../base/shell_words.ts";
import bashFunction from "./complete.bash" with { type: "text" };
import fishFunction from "./complete.fish" with { type: "text" };
import zshFunction from "./complete.zsh" with { type: "text" };

export interface Program {
  /** The name that it is started by: `attach.ts`, or `gui-attach` where it is installed. */
  name: string;
  /**
   * The file that the stub calls. The command on the line would not do: a file of that name in a shared directory would
   * run when the user presses Tab.
   */
  path: string;
}

/** The shells, each with what writes its stub for a function of that name and for these commands. */
const shells: Readonly<Record<string, (program: Program, name: string, commands: readonly string[]) => string>> = {
  bash: ({ path }, name, commands) =>
    `# To have these completions: source <(${commands[0]} --completions bash)
${bashFunction}
${name}() { _gui_container_complete ${quoteWord(path)} "$2"; }
complete -F ${name} ${commands.join(" ")}
`,
  zsh: ({ path }, name, commands) =>
    `#compdef ${commands.join(" ")}
# To have these completions: source <(${commands[0]} --completions zsh), after compinit
${zshFunction}
${name}() { _gui_container_complete ${quoteWord(path)} }
compdef ${name} ${commands.join(" ")}
# In a directory of $fpath, the shell takes all this for the function, and calls it at the first Tab.
[[ $funcstack[1] != ${name} ]] || ${name}
`,
  // In single quotes, fish takes a backslash before another one or before a quote as its escape.
  fish: ({ path }, name, commands) =>
    `# To have these completions: ${commands[0]} --completions fish | source
${fishFunction}
function ${name}
    _gui_container_complete '${path.replace(/[\\']/g, "\\$&")}'
end
${commands.map((command) => `complete -c ${command} -f -a '(${name})'`).join("\n")}
`,
};

export const shellNames: readonly string[] = Object.keys(shells);

/**
 * The text that a shell reads to complete the command lines of a script.
 *
 * @throws {UserError} exit code 2 for another shell
 */
export function completionStub(program: Program, shell: string): string {
  const write = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
  if (!write) throw inputError(`There are no completions for "${shell}"`, `Use one of ${shellNames.join(", ")}`);
  const { name } = program;
  const commands = name.endsWith(".ts") ? [name, `gui-${name.slice(0, -".ts".length)}`] : [name];
  return write(program, `_${name.replace(/\W/g, "_")}`, commands);
}
