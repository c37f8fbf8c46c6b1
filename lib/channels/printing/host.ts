/** The channel `printing`: prints PDFs of apps once the user agrees. Without a printer, the user saves them instead. */

import { isFailure, orNothing, UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import { Refusal } from "../../guard/faults.ts";
import { rate } from "../../guard/rate.ts";
import { type Asking, createDialogs, dialogAgent, dialogAsks } from "../file_dialogs.ts";
import { handedQueue } from "../handed_files.ts";
import type { Channel } from "../interface.ts";
import { checkHanded, type Handed, handedIn, record } from "../requests.ts";

/** How long the printing system may take, in milliseconds. */
const printMs = 20_000;

type Ask = Asking | ({ ask: "print" } & Handed);

export const channel: Channel<Ask> = {
  ...dialogAgent,
  asks: {
    gone: dialogAsks.gone,
    saved: dialogAsks.saved,
    print(line, id) {
      const file = handedIn(line, id);
      return file && { ask: "print", ...file };
    },
  },
  serve(container, io) {
    const { host } = container;
    const isBearable = rate({ perSecond: 0.2, burst: 5 }, io.now);
    const dialogs = io.shared(createDialogs);
    const queue = io.shared(handedQueue);

    /** Prints a document; undefined without a printer. */
    const print = async (file: Handed): Promise<boolean | undefined> => {
      const { name, size } = checkHanded(file);
      const printer = await defaultPrinter(host);
      if (printer === undefined) return undefined;
      const details = [["Name", name], ["Size", `${size} bytes`], ["Printer", printer]] as const;
      if (!await io.agreedTo({ channel: "printing", what: "print a document", details }, "always")) return false;
      await queue.add(file, io.ending, async (path) => {
        record(container, { kind: "print", name, bytes: size, printer });
        await printFile(host, { path, name, printer });
      });
      return true;
    };
    const { give: _, ...served } = dialogs.served(io);
    return {
      ...served,
      async take(ask) {
        if (ask.ask !== "print") return served.take!(ask);
        const { id, name } = ask;
        // The app then shows a dialog of its own.
        if (io.closing.aborted) {
          io.send({ id, here: true });
          return false;
        }
        let isPrinted: boolean | undefined = false;
        await io.handle(isBearable, async () => (isPrinted = await print(ask)) === true);
        if (isPrinted === undefined) {
          dialogs.ask({ ask: "save", id, name, filters: [{ label: "PDF", patterns: ["*.pdf"] }] });
        } else io.send({ id, paths: [], printed: isPrinted });
        return isPrinted;
      },
    };
  },
};

/** The printer that CUPS uses by default; undefined without one, and without CUPS. */
async function defaultPrinter(host: Host): Promise<string | undefined> {
  const options = { okCodes: "any", env: { LC_ALL: "C" }, timeoutMs: printMs } as const;
  const answer = await orNothing(host.run(["lpstat", "-d"], options), isFailure);
  return answer && /^system default destination: ([\w.-]{1,127})$/m.exec(answer.stdout)?.[1];
}

/**
 * Prints a PDF.
 *
 * @param file `name`: the name of the print job
 * @throws {Refusal} when it is not a PDF: CUPS has filters for many kinds of files
 * @throws {UserError} when CUPS does not accept it
 */
async function printFile(
  host: Host,
  { path, name, printer }: { path: string; name: string; printer: string },
): Promise<void> {
  using file = await Deno.open(path);
  const head = new Uint8Array(5);
  await file.read(head);
  if (new TextDecoder().decode(head) !== "%PDF-") throw new Refusal("what it prints is not a PDF");
  const argv = ["lp", "-d", printer, "-t", name, "-o", "document-format=application/pdf", path];
  const { code, stderr } = await host.run(argv, { okCodes: "any", timeoutMs: printMs });
  if (code !== 0) {
    throw new UserError(`The printer "${printer}" does not accept it`, { hint: "See lpstat -p", output: stderr });
  }
}
