/** Asks the user which files to lend to which container, and when to take them back: on a terminal, or in dialogs. */

import { inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import type { Loan } from "../container/lend/loan.ts";
import { splitWords, WordsError } from "../base/shell_words.ts";

/** What ends a question before it is answered. Default: nothing. */
export interface Until {
  signal?: AbortSignal;
}

/** A way to ask the user. A closed dialog is an answer; a missing answer on a terminal is an error. */
export interface Prompter {
  /** Asks for one of these containers; undefined if the dialog is closed. */
  chooseContainer(names: readonly string[]): Promise<string | undefined>;
  /** Asks for paths of files; none if the dialog is closed. */
  chooseFiles(container: string): Promise<string[]>;
  /**
   * Shows what is lent, and waits until the user ends it or the signal aborts.
   *
   * @returns whether the user ended it, who can then be asked to confirm
   */
  untilAsked(files: readonly Loan[], options: Until): Promise<boolean>;
  /** Shows a warning, and asks whether to take the files back anyway. */
  confirm(warning: string, options: Until): Promise<boolean>;
  tell(text: string): Promise<void>;
}

/** Asks on a terminal. Without one, no question is answered. */
export function terminalPrompter(host: Host): Prompter {
  const { ui } = host;
  return {
    async chooseContainer(names) {
      const name = await host.look(undefined, () => ui.choose("Containers", names));
      if (name === undefined) throw missingArgument("NAME");
      return name;
    },
    async chooseFiles(container) {
      const paths: string[] = [];
      let prompt = `Files to lend to "${container}", quoted as for a shell; an empty line ends the list\nFile: `;
      for (;;) {
        const line = await host.look(undefined, () => ui.ask(prompt));
        prompt = "File: ";
        if (line === undefined || line.trim() === "") break;
        try {
          paths.push(...splitWords(line).map((word) => word.replace(/^~(?=\/)/, host.env("HOME") ?? "~")));
        } catch (error) {
          if (!(error instanceof WordsError)) throw error;
          ui.warn(error.message);
        }
      }
      if (paths.length === 0) throw missingArgument("FILE...");
      return paths;
    },
    untilAsked: (_files, options) => ui.enter("Press Enter to take the files back: ", options),
    confirm(warning, options) {
      ui.warn(warning);
      return ui.confirm("Take the files back anyway?", options);
    },
    tell: (text) => Promise.resolve(ui.warn(text)),
  };
}

/** The error for an argument that is neither given nor answered. */
function missingArgument(what: "NAME" | "FILE..."): Error {
  return inputError(`${what} is missing`, "For example: map.ts my-container ~/Documents/letter.odt");
}
