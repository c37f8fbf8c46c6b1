/** The common part of the guards' processes. Such a process is the same program as its run, with other permissions. */

import type { Closing } from "./closing.ts";
import { createCrossings, type CrossingLine, type Crossings } from "./crossings.ts";
import { crossingText, type GuardHistory, windowsLine } from "./process_interface.ts";

/**
 * Begins the process of a guard, which ends by a signal or with its input.
 *
 * @param options `mayReport`: whether the history has room; `take`: takes each line of the input, and returns whether
 * the process outlives its input; `leave`: called at the end, with a promise for the last line that is printed
 * @returns `print`: as {@linkcode printer} returns it; `crossings`: undefined where no history is kept; `end`: prints how
 * the windows have ended, and ends the process
 */
export function beginGuard(
  { closing, history, mayReport = () => true, take, leave = (printed) => printed }: {
    closing: Closing;
    history: GuardHistory | undefined;
    mayReport?: () => boolean;
    take(line: string): boolean;
    leave?: (printed: Promise<unknown>) => Promise<unknown>;
  },
): { print(line: string): Promise<boolean>; crossings: Crossings | undefined; end(): Promise<never> } {
  const print = printer(Deno.stdout.writable);
  const written = history && writeDown(history, print);
  const crossings = written &&
    createCrossings({ ...written, mayReport: () => mayReport() && written.mayReport(), tell: print });
  const end = async (): Promise<never> => {
    crossings?.flush({ all: true });
    await leave(print(windowsLine(closing.end())));
    Deno.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, end);
  let outlives = false;
  const listen = async (): Promise<void> => {
    let rest = "";
    for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) outlives = take(line);
    }
  };
  listen().catch(() => {}).then(() => outlives || end());
  return { print, crossings, end };
}

/** How many bytes may wait for the run, in memory or in the file, before the clipboard is closed. */
const maxUnreadBytes = 2 ** 20;

/**
 * Reports what crosses the clipboard to the run that has started this process, or into a file if that has ended.
 *
 * @param tellRun as {@linkcode printer} returns it
 */
export function writeDown(
  { file, ...whose }: GuardHistory,
  tellRun: (line: string) => Promise<boolean>,
): { report(crossing: CrossingLine): Promise<void>; mayReport(): boolean } {
  let unreadBytes = 0;
  return {
    mayReport: () => unreadBytes < maxUnreadBytes,
    async report(crossing) {
      const bytes = new TextEncoder().encode(`${JSON.stringify({ ...whose, kind: "clipboard", ...crossing })}\n`);
      unreadBytes += bytes.length;
      // A stopped run reads them later.
      if (await tellRun(crossingText(crossing))) return void (unreadBytes -= bytes.length);
      try {
        Deno.writeFileSync(file, bytes, { append: true, mode: 0o600 });
      } catch {
        unreadBytes = Infinity;
      }
    },
  };
}

/**
 * Makes a printer of lines that does not block: a run that is stopped (Ctrl-Z) does not stop the windows.
 *
 * @returns a function that prints a line, and resolves to whether somebody may read it
 */
export function printer(output: WritableStream<Uint8Array>): (line: string) => Promise<boolean> {
  const writer = output.getWriter();
  // Writing fails once the run that has started this process has ended.
  return (line) => writer.write(new TextEncoder().encode(`${line}\n`)).then(() => true, () => false);
}
