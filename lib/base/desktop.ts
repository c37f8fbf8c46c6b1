/** A start from a desktop's menu: no terminal, nobody who reads what is printed, but a display. */

import { fstatSync } from "node:fs";
import type { Host } from "./host.ts";
import { runProcess } from "./process.ts";
import { printable } from "./ui.ts";

/** How long an error is shown, in seconds. */
const shownFor = 60;

/** Longest time that the notification service may take to answer, in milliseconds. */
const notifyTimeoutMs = 5_000;

/** Whether there is a display for dialogs. */
export function hasDisplay(env: Host["env"]): boolean {
  return ["DISPLAY", "WAYLAND_DISPLAY"].some((name) => env(name) !== undefined);
}

/** Whether there is neither a terminal nor somebody who reads our output or writes our input through a pipe. */
export function isUnattended(): boolean {
  return [Deno.stdin, Deno.stdout, Deno.stderr].every((stream, fd) => !stream.isTerminal() && !fstatSync(fd).isFIFO());
}

/** Whether an error that is only printed is seen by nobody who started us. */
export function isUnseen(env: Host["env"]): boolean {
  return !Deno.stdin.isTerminal() && !Deno.stderr.isTerminal() && !fstatSync(2).isFIFO() &&
    (hasDisplay(env) || env("GIO_LAUNCHED_DESKTOP_FILE") !== undefined);
}

/** Shows something on the desktop: as a notification, or in a window that closes by itself. */
export async function showOnDesktop(
  title: string,
  text: string,
  { kind = "error" }: { kind?: "error" | "warning" } = {},
): Promise<void> {
  const [head, body] = [printable(title), printable(text)];
  for (
    const argv of [
      ["notify-send", "--app-name=gui-container", `--icon=dialog-${kind}`, "--", head, escapeMarkup(body)],
      ["zenity", `--${kind}`, "--no-markup", `--timeout=${shownFor}`, `--title=${head}`, `--text=${head}\n\n${body}`],
    ]
  ) {
    const timeoutMs = argv[0] === "zenity" ? (shownFor + 10) * 1_000 : notifyTimeoutMs;
    // Status 5 is zenity's own timeout. A program that is missing leaves it to the next one.
    const shown = await runProcess(argv, { okCodes: [0, 1, 5], timeoutMs }).catch(() => undefined);
    if (shown && (argv[0] === "zenity" || shown.code === 0)) return;
  }
}

/** Text for the body of a notification, which is markup (Desktop Notifications Specification). */
function escapeMarkup(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
