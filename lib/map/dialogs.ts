/** Asks the user in dialogs. */

import { join } from "@std/path";
import { isCopy, labelOfLoan, type Loan } from "../container/lend/loan.ts";
import { showOnDesktop } from "../base/desktop.ts";
import type { Host } from "../base/host.ts";
import type { Prompter, Until } from "./prompter.ts";
import { codePoint, oneLine, printable } from "../base/text.ts";
import { chooseFiles, closed, okay, showDialog } from "../base/zenity.ts";

/** How many files a dialog names: more would not fit on the screen. */
const maxNamed = 10;

export function dialogPrompter(host: Host): Prompter {
  /** What the user chose; undefined when the dialog was closed, by them or by the signal. */
  const ask = async (options: readonly string[], until: Until = {}): Promise<string | undefined> => {
    const end = await showDialog(host, options, { okCodes: [okay, closed], ...until });
    host.signal.throwIfAborted();
    return end?.code === okay ? end.text : undefined;
  };
  return {
    chooseContainer: (names) =>
      ask([
        ...["--list", "--title=Lend files", "--text=Which container gets the files?", "--width=640", "--height=360"],
        ...["--ok-label=Choose files", "--column=Container", ...names],
      ]),
    chooseFiles: (container) =>
      chooseFiles(host, {
        from: join(host.env("HOME") ?? "/", "/"),
        optionsFrom: () => ["--multiple", `--title=Files to lend to ${container}`],
        okCodes: [okay, closed],
      }),
    async untilAsked(files, until) {
      const [first] = files as [Loan];
      const label = labelOfLoan(first);
      const can = first.readOnly ? "read" : "read and change";
      const home = `${host.env("HOME")}/`;
      const named = files.slice(0, maxNamed).flatMap(({ hostPath, containerPath }) => [
        hostPath.startsWith(home) ? `~/${hostPath.slice(home.length)}` : hostPath,
        `    in the container: ${containerPath}`,
      ]);
      const lines = [
        `${label} can ${can} ${isCopy(first) ? "copies of " : ""}these files until you close this window:`,
        "",
        ...named,
        ...files.length > maxNamed ? [`… and ${files.length - maxNamed} more`] : [],
      ];
      await ask([
        ...["--info", "--no-markup", `--title=Lent to ${label}`, "--width=640", "--ok-label=Take the files back"],
        // zenity takes a backslash for the start of an escape.
        `--text=${lines.map(oneLine).join("\n").replaceAll("\\", codePoint)}`,
      ], until);
      return !until.signal?.aborted;
    },
    async confirm(warning, until) {
      const answer = await ask([
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
