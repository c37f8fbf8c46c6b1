/** Dialogs of zenity (3 or 4): all are shown from here. */

import { basename, dirname, join } from "@std/path";
import { ProcessError } from "./errors.ts";
import { exists } from "./files.ts";
import type { Host, RunOptions } from "./host.ts";

/** How long a message or a question is shown that nobody waits for, in seconds. */
export const dialogSeconds = 60;

/** The exit statuses: the first button was pressed, the dialog was closed in another way, or nobody has answered. */
export const [okay, closed, timedOut] = [0, 1, 5];

/** When a dialog is taken away: by a signal, or after a time. By default, all exit statuses are expected. */
export type DialogLimits = Pick<RunOptions, "signal" | "timeoutMs" | "okCodes" | "looksOnly">;

/**
 * Shows a dialog until it is answered or taken away.
 *
 * @param options zenity's
 * @returns what it has printed, and its exit status; undefined when it was taken away
 */
export async function showDialog(
  { run }: Pick<Host, "run">,
  options: readonly string[],
  limits: DialogLimits = {},
): Promise<{ code: number; text: string } | undefined> {
  try {
    const { code, stdout } = await run(["zenity", ...options], { okCodes: "any", maxOutputBytes: 2 ** 20, ...limits });
    return { code, text: stdout.replace(/\n$/, "") };
  } catch (error) {
    if (limits.signal?.aborted || error instanceof ProcessError && error.timedOut) return undefined;
    throw error;
  }
}

/** The separator between paths: no path that zenity prints has two slashes in a row. */
const separator = "//:";

/**
 * Has the user choose files, and again if the path of the only one has its end twice.
 *
 * @param options `from`: the first path; `optionsFrom`: zenity's options, besides those about paths, each time that the
 * dialog is shown; `isNew`: the file need not be there
 * @returns their paths; none when the dialog is closed or taken away
 */
export async function chooseFiles(
  host: Pick<Host, "run">,
  { from, isNew = false, optionsFrom, ...limits }: DialogLimits & {
    from: string;
    isNew?: boolean;
    optionsFrom: () => readonly string[];
  },
): Promise<string[]> {
  for (let place = from;;) {
    const paths = ["--file-selection", `--filename=${place}`, `--separator=${separator}`];
    const end = await showDialog(host, [...paths, ...optionsFrom()], limits);
    const chosen = end?.code === okay ? end.text.split(separator).filter((path) => path.startsWith("/")) : [];
    const meant = !isNew && chosen.length === 1 ? await completedTwice(chosen[0]!) : undefined;
    if (meant === undefined) return chosen;
    place = meant;
  }
}

/**
 * The file that was meant by a path which is not there and has the end of a file's name twice, as "letter.txtr.txt":
 * while a path is typed, GTK completes it, and leaves that in at times (zenity 4.1 with GTK 4.18, at any speed).
 *
 * @returns undefined when the path is there, or is not of that kind
 */
export async function completedTwice(path: string): Promise<string | undefined> {
  const isThere = (path: string): Promise<boolean> => exists(path).catch(() => false);
  if (await isThere(path)) return undefined;
  const name = basename(path);
  for (let length = name.length - 1; length >= name.length / 2; length--) {
    const file = join(dirname(path), name.slice(0, length));
    if (file.endsWith(name.slice(length)) && await isThere(file)) return file;
  }
  return undefined;
}
