/** A script started from a desktop's menu: it has a display, but no terminal, and nobody reads its output. */

import { escape } from "@std/html";
import { basename, dirname, join } from "@std/path";
import { exists } from "./files.ts";
import type { Host } from "./host.ts";
import { runProcess } from "./process.ts";
import { codePoint, printable } from "./text.ts";

/** How long zenity shows a message or a question, in seconds. */
export const dialogSeconds = 60;

/** The separator that zenity is to print between paths: no path that it returns has two slashes in a row. */
export const pathSeparator = "//:";

/** How long the notification service may take to answer, in milliseconds. */
const notifyTimeoutMs = 5_000;

/** Whether there is a display that dialogs can be shown on. */
export function hasDisplay(env: Host["env"]): boolean {
  return ["DISPLAY", "WAYLAND_DISPLAY"].some((name) => env(name) !== undefined);
}

/** Whether none of the three standard streams is a terminal or a pipe. */
export async function isUnattended(): Promise<boolean> {
  if ([Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal())) return false;
  return !(await Promise.all([0, 1, 2].map(isPipe))).includes(true);
}

/** Whether the user would not see an error on stderr: there is a desktop, and neither a terminal nor a pipe. */
export async function isUnseen(env: Host["env"]): Promise<boolean> {
  if (!hasDisplay(env) && env("GIO_LAUNCHED_DESKTOP_FILE") === undefined) return false;
  return !Deno.stdin.isTerminal() && !Deno.stderr.isTerminal() && !await isPipe(2);
}

async function isPipe(fd: number): Promise<boolean> {
  // Loaded only where it is needed: Deno's node: modules take 12 ms.
  const { fstatSync } = await import("node:fs");
  return fstatSync(fd).isFIFO();
}

/** Shows a message on the desktop: as a notification, or else in a window that closes by itself. */
export async function showOnDesktop(
  title: string,
  text: string,
  { kind = "error", run = runProcess }: { kind?: "error" | "warning"; run?: Host["run"] } = {},
): Promise<void> {
  const [head, body] = [printable(title), printable(text)];
  const notification = notificationArgv({ title: head, body: escape(body) }, { icon: `dialog-${kind}` });
  if (await run(notification, { timeoutMs: notifyTimeoutMs }).then(() => true, () => false)) return;
  // zenity 3.44 takes a backslash for the start of an escape.
  const shown = `${head}\n\n${body}`.replaceAll("\\", codePoint);
  const dialog = [
    "zenity",
    `--${kind}`,
    "--no-markup",
    `--timeout=${dialogSeconds}`,
    `--title=${head}`,
    `--text=${shown}`,
  ];
  await run(dialog, { okCodes: "any", timeoutMs: (dialogSeconds + 10) * 1_000 }).catch(() => {});
}

/**
 * The command line that shows a notification. In the body, and only there, `notify-send` 0.8.6
 * takes a backslash for the start of an escape, which may become markup: it turns "\074" into "<".
 *
 * @param notification `body` is markup (Desktop Notifications Specification)
 */
export function notificationArgv(
  { title, body }: { title: string; body: string },
  { icon }: { icon?: string } = {},
): string[] {
  return [
    ...["notify-send", "--app-name=gui-container", ...(icon === undefined ? [] : [`--icon=${icon}`])],
    ...["--", title, body.replaceAll("\\", "\\\\")],
  ];
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
