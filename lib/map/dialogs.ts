/** Asks the user in dialogs. */

import { join } from "@std/path";
import { isCopy, labelOfLoan, type Loan } from "../container/lend/loan.ts";
import { warnOnDesktop } from "../base/desktop.ts";
import type { Host } from "../base/host.ts";
import type { Prompter, Until } from "./prompter.ts";
import { codePoint, oneLine } from "../base/text.ts";
import { chooseFiles, closed, okay, showDialog } from "../base/zenity.ts";

/** How many files a dialog names: more would not fit on the screen. */
const maxNamed = 10;

export function dialogPrompter(host: Host): Prompter {
  /** Returns the user's choice; undefined if the user or the signal has closed the dialog. */
  const ask = async (options: readonly string[], until: Until = {}): Promise<string | undefined> => {
    const end = await showDialog(host, options, { okCodes: [okay, closed], ...until });
    host.signal.throwIfAborted();
    return end?.code === okay ? end.text : undefined;
  };
  return {
    chooseContainer(names) {
      const texts = ["--title=Lend files", "--text=Which container gets the files?", "--ok-label=Choose files"];
      return ask(["--list", ...texts, "--width=640", "--height=360", "--column=Container", ...names]);
    },
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
      // zenity would interpret a backslash as the start of an escape.
      const text = lines.map(oneLine).join("\n").replaceAll("\\", codePoint);
      const texts = [`--title=Lent to ${label}`, `--text=${text}`, "--ok-label=Take the files back"];
      await ask(["--info", "--no-markup", ...texts, "--width=640"], until);
      return !until.signal?.aborted;
    },
    async confirm(warning, until) {
      const texts = ["--title=Take the files back?", `--text=${warning}`];
      const labels = ["--ok-label=Take them back", "--cancel-label=Leave them"];
      const options = ["--question", "--no-markup", "--default-cancel", ...texts, "--width=420", ...labels];
      return await ask(options, until) !== undefined;
    },
    async tell(text) {
      await warnOnDesktop(host, "Lent files", text);
    },
  };
}
