/** Messages on the desktop: a script that was started from a menu has no terminal on which anybody would read them. */

import { escape } from "@std/html";
import type { ProcessResult } from "./errors.ts";
import type { Host } from "./host.ts";
import { oncePer } from "./promises.ts";
import { runProcess } from "./process.ts";
import { codePoint, printable } from "./text.ts";
import { dialogSeconds, showDialog } from "./zenity.ts";

/** How long the notification service may take to answer, in milliseconds. */
const notifyTimeoutMs = 5_000;

/** Whether there is a display that dialogs can be shown on. */
export function hasDisplay(env: Host["env"]): boolean {
  return ["DISPLAY", "WAYLAND_DISPLAY"].some((name) => env(name) !== undefined);
}

/** Whether none of the three standard streams is a terminal or a pipe. */
export async function isUnattended(): Promise<boolean> {
  return ![Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal()) && !await hasPipe(0, 1, 2);
}

/** Whether the user would not see an error on stderr: there is a desktop, and neither a terminal nor a pipe. */
export async function isUnseen(env: Host["env"]): Promise<boolean> {
  if (!hasDisplay(env) && env("GIO_LAUNCHED_DESKTOP_FILE") === undefined) return false;
  return !Deno.stdin.isTerminal() && !Deno.stderr.isTerminal() && !await hasPipe(2);
}

/** Whether one of these descriptors is a pipe. */
async function hasPipe(...fds: readonly number[]): Promise<boolean> {
  // Loaded only where it is needed: Deno's node: modules take 12 ms.
  const { fstatSync } = await import("node:fs");
  return fds.some((fd) => fstatSync(fd).isFIFO());
}

/** Shows a message on the desktop: as a notification, or else in a window that closes by itself. */
export async function showOnDesktop(
  title: string,
  text: string,
  { kind = "error", run = runProcess }: { kind?: "error" | "warning"; run?: Host["run"] } = {},
): Promise<void> {
  const head = printable(title);
  const body = printable(text);
  const notified = notify({ run }, { title: head, body }, { icon: `dialog-${kind}` });
  if (await notified.then(() => true, () => false)) return;
  // zenity 3.44 takes a backslash for the start of an escape.
  const shown = `${head}\n\n${body}`.replaceAll("\\", codePoint);
  const options = [`--${kind}`, "--no-markup", `--timeout=${dialogSeconds}`, `--title=${head}`, `--text=${shown}`];
  await showDialog({ run }, options, { timeoutMs: (dialogSeconds + 10) * 1_000 }).catch(() => {});
}

/** Warns in the terminal and on the desktop. */
export async function warnOnDesktop(host: Pick<Host, "run" | "ui">, title: string, text: string): Promise<void> {
  host.ui.warn(text, { onDesktop: true });
  await showOnDesktop(title, text, { kind: "warning", run: host.run });
}

/** Shows a notification. Rejects when the notification service does not take it in time. */
export function notify(
  { run }: Pick<Host, "run">,
  ...notification: Parameters<typeof notificationArgv>
): Promise<ProcessResult> {
  return run(notificationArgv(...notification), { timeoutMs: notifyTimeoutMs });
}

/**
 * The command line that shows a notification. The body would be markup (Desktop Notifications Specification), and
 * `notify-send` 0.8.6 takes a backslash in it for the start of an escape, turning "\074" into "<".
 */
export function notificationArgv(
  { title, body }: { title: string; body: string },
  { icon, options = [] }: { icon?: string; options?: readonly string[] } = {},
): string[] {
  const shown = icon === undefined ? [] : [`--icon=${icon}`];
  const texts = ["--", title, escape(body).replaceAll("\\", "\\\\")];
  return ["notify-send", "--app-name=gui-container", ...shown, ...options, ...texts];
}

/** How long xrdb may take, in milliseconds. */
const resourcesMs = 5_000;

/** The X resources of the host, as xrdb(1) prints them; empty when there are none. Read once. */
export const hostResources: (host: Host) => Promise<string> = oncePer(async (host) => {
  const asked = host.run(["xrdb", "-query"], { looksOnly: true, timeoutMs: resourcesMs });
  return (await asked.catch(() => undefined))?.stdout ?? "";
});
