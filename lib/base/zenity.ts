/** Dialogs of zenity (3 or 4): all are shown from here. */

import { basename, dirname, join } from "@std/path";
import { inputError, isProcessError, orNothing } from "./errors.ts";
import { isThere } from "./files.ts";
import type { Host, RunOptions } from "./host.ts";

/** How long a message or question is shown when nobody answers, in seconds. */
export const dialogSeconds = 60;

/** The exit status when the first button was pressed. */
export const okay = 0;

/** The exit status when the dialog was closed in another way. */
export const closed = 1;

/** The exit status when nobody has answered in time. */
export const timedOut = 5;

/** What takes a dialog away: a signal, or a time limit. By default, all exit statuses are expected. */
export type DialogLimits = Pick<RunOptions, "signal" | "timeoutMs" | "okCodes" | "looksOnly">;

/**
 * Shows a dialog, and waits until it is answered or taken away.
 *
 * @param options zenity's
 * @returns its output and its exit status; undefined when it was taken away
 */
export async function showDialog(
  { run }: Pick<Host, "run">,
  options: readonly string[],
  limits: DialogLimits & Pick<RunOptions, "env"> = {},
): Promise<{ code: number; text: string } | undefined> {
  const shown = run(["zenity", ...options], { okCodes: "any", maxOutputBytes: 2 ** 20, ...limits });
  const isTaken = (error: unknown): boolean => limits.signal?.aborted || isProcessError(error) && error.timedOut;
  const end = await orNothing(shown, isTaken);
  return end && { code: end.code, text: end.stdout.replace(/\n$/, "") };
}

/** The separator between paths: no path that zenity prints has two slashes in a row. */
const separator = "//:";

/** How long the desktop's portal may take to answer, in milliseconds. */
const portalMs = 5_000;

/** The beginning of the paths at which the desktop's portal shows files to apps in sandboxes. */
const portalPath = /^\/run\/user\/\d+\/doc\//;

/**
 * Lets the user choose files. Where zenity is built with GTK 4 and the desktop's portal has a dialog for files, it
 * shows that one, with the user's bookmarks and recent places, else its own. It is shown again for a path that GTK has
 * garbled: see {@linkcode completedTwice}.
 *
 * @param options `from`: the first path; `optionsFrom`: returns zenity's other options each time that the dialog is
 * shown; `isNew`: the file need not exist
 * @returns their paths; none when the dialog is closed or taken away
 * @throws {UserError} for a path at which the portal shows files to sandboxed apps
 */
export async function chooseFiles(
  host: Pick<Host, "env" | "run">,
  { from, isNew = false, optionsFrom, ...limits }: DialogLimits & {
    from: string;
    isNew?: boolean;
    optionsFrom: (isPortals: boolean) => readonly string[];
  },
): Promise<string[]> {
  for (let place = from;;) {
    const paths = ["--file-selection", `--filename=${place}`, `--separator=${separator}`];
    // GTK 4.24 asks the portal by itself. 4.18 must be told to, and shows nothing if the portal has no dialog.
    const isPortals = await hasFileChooser(host, limits);
    const env: Record<string, string> = isPortals ? { GDK_DEBUG: "portals" } : {};
    const end = await showDialog(host, [...paths, ...optionsFrom(isPortals)], { ...limits, env });
    const chosen = end?.code === okay ? end.text.split(separator).filter((path) => path.startsWith("/")) : [];
    const sandboxed = chosen.find((path) => portalPath.test(path));
    if (sandboxed !== undefined) {
      throw inputError(`"${sandboxed}" is a path for sandboxed apps`, "Choose the file in its own directory");
    }
    const meant = !isNew && chosen.length === 1 ? await completedTwice(chosen[0]!) : undefined;
    if (meant === undefined) return chosen;
    place = meant;
  }
}

/**
 * Whether the desktop's portal has a dialog for files; false if it does not answer in time. Without a desktop, as with
 * `ssh -X`, the portal would be that of another login, and show its dialog there.
 */
async function hasFileChooser({ env, run }: Pick<Host, "env" | "run">, { signal }: DialogLimits): Promise<boolean> {
  if (env("XDG_CURRENT_DESKTOP") === undefined) return false;
  const portal = ["--dest=org.freedesktop.portal.Desktop", "--object-path=/org/freedesktop/portal/desktop"];
  const method = ["--method=org.freedesktop.DBus.Properties.Get", "org.freedesktop.portal.FileChooser", "version"];
  const argv = ["gdbus", "call", "--session", "--timeout=3", ...portal, ...method];
  const limits = { timeoutMs: portalMs, ...(signal && { signal }) };
  const answer = await run(argv, { okCodes: "any", looksOnly: true, ...limits }).catch(() => undefined);
  return /^\(<uint32 \d+>,\)$/.test(answer?.stdout.trim() ?? "");
}

/**
 * The file that was meant by a path such as "letter.txtr.txt": GTK completes a path while it is typed, and sometimes
 * repeats the end of the name (zenity 4.1 with GTK 4.18).
 *
 * @returns undefined when the path exists, or does not look like that
 */
export async function completedTwice(path: string): Promise<string | undefined> {
  if (await isThere(path)) return undefined;
  const name = basename(path);
  for (let length = name.length - 1; length >= name.length / 2; length--) {
    const file = join(dirname(path), name.slice(0, length));
    if (file.endsWith(name.slice(length)) && await isThere(file)) return file;
  }
  return undefined;
}
