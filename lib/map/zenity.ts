/** Asks the user in dialogs of zenity (3 or 4). */

import { join } from "@std/path";
import { isCopy, labelOfLoan, type Loan } from "../container/lend/loan.ts";
import { completedTwice, pathSeparator, showOnDesktop } from "../base/desktop.ts";
import type { Host } from "../base/host.ts";
import type { Prompter, Until } from "./prompter.ts";
import { printable } from "../base/text.ts";

/** The exit statuses of zenity: the first button was pressed, or the dialog was closed in another way. */
const [okay, closed] = [0, 1];

/** Asks by dialogs. */
export function dialogPrompter(host: Host): Prompter {
  /** What the user chose; undefined when the dialog was closed, by them or by the signal. */
  const zenity = async (args: readonly string[], until: Until = {}): Promise<string | undefined> => {
    try {
      const { code, stdout } = await host.run(["zenity", ...args], { okCodes: [okay, closed], ...until });
      return code === okay ? stdout.replace(/\n$/, "") : undefined;
    } catch (error) {
      if (until.signal?.aborted && !host.signal.aborted) return undefined;
      throw error;
    }
  };
  return {
    chooseContainer: (names) =>
      zenity([
        ...["--list", "--title=Lend files", "--text=Which container gets the files?", "--width=640", "--height=360"],
        ...["--ok-label=Choose files", "--column=Container", ...names],
      ]),
    async chooseFiles(container) {
      let paths: string[];
      let place: string | undefined = join(host.env("HOME") ?? "/", "/");
      do {
        const chosen = await zenity([
          ...["--file-selection", "--multiple", `--title=Files to lend to ${container}`],
          ...[`--separator=${pathSeparator}`, `--filename=${place}`],
        ]);
        paths = chosen ? chosen.split(pathSeparator) : [];
        place = paths.length === 1 ? await completedTwice(paths[0]!) : undefined;
      } while (place !== undefined);
      return paths;
    },
    async untilAsked(files, until) {
      const [first] = files as [Loan];
      const label = labelOfLoan(first);
      const can = first.readOnly ? "read" : "read and change";
      await zenity([
        ...["--list", `--title=Lent to ${label}`, "--width=800", "--height=360"],
        ...["--ok-label=Take the files back", "--cancel-label=Close"],
        `--text=${label} can ${can} ${isCopy(first) ? "copies of " : ""}these files until you close this window.`,
        ...["--column=Here", "--column=In the container"],
        ...files.flatMap((file) => [file.hostPath, file.containerPath]),
      ], until);
      return !until.signal?.aborted;
    },
    async confirm(warning, until) {
      const answer = await zenity([
        ...["--question", "--no-markup", "--default-cancel", "--title=Take the files back?", `--text=${warning}`],
        ...["--width=420", "--ok-label=Take them back", "--cancel-label=Leave them"],
      ], until);
      return answer !== undefined;
    },
    async tell(text) {
      host.ui.warn(text);
      await showOnDesktop("Lent files", printable(text), { kind: "warning" });
    },
  };
}
