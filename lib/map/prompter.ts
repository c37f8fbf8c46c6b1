/** Where a person says which files go to which container, and when they come back: a terminal, or dialogs. */

import { inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import type { Mapping } from "./journal.ts";
import { splitWords, WordsError } from "../base/shell_words.ts";

/** One way to ask. */
export interface LendingDesk {
  /** Which of these containers; undefined when nobody answers. */
  chooseContainer(names: readonly string[]): Promise<string | undefined>;
  /** Paths of files; none when nobody answers. */
  chooseFiles(container: string): Promise<string[]>;
  /**
   * Shows what is mapped, and waits until it is to be taken back, or until `signal` aborts.
   * @returns whether somebody asked for it, who can be asked whether that is meant
   */
  untilAsked(mappings: readonly Mapping[], signal: AbortSignal | undefined): Promise<boolean>;
  /** Whether to take the files back in spite of what `warning` says. */
  confirm(warning: string, signal: AbortSignal | undefined): Promise<boolean>;
  /** Something the user should know. */
  tell(text: string): Promise<void>;
}

/** At a terminal, or with input from elsewhere. */
export function terminalDesk(host: Host): LendingDesk {
  const { ui } = host;
  return {
    chooseContainer: (names) => ui.choose("Containers that run", names, String),
    async chooseFiles(container) {
      const paths: string[] = [];
      ui.status(`Files to lend to "${container}", quoted as for a shell; an empty line ends the list`);
      for (;;) {
        const line = await ui.ask("File: ");
        if (line === undefined || line.trim() === "") return paths;
        try {
          paths.push(...splitWords(line).map((word) => word.replace(/^~(?=\/)/, host.env("HOME") ?? "~")));
        } catch (error) {
          if (!(error instanceof WordsError)) throw error;
          ui.warn(error.message);
        }
      }
    },
    untilAsked(_mappings, signal) {
      return ui.enter("Press Enter to take the files back: ", {
        needsLine: signal !== undefined,
        ...withSignal(signal),
      });
    },
    confirm(warning, signal) {
      ui.warn(warning);
      return ui.confirm("Take the files back all the same?", withSignal(signal));
    },
    tell(text) {
      ui.warn(text);
      return Promise.resolve();
    },
  };
}

function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

/** The error when nobody says what to map. */
export function nothingChosen(what: "NAME" | "FILE..."): Error {
  return inputError(`Arguments are missing: ${what}`, "See map.ts --help");
}
