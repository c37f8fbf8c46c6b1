/** Whether a session is shown by Wayland or by X: what the user wants, and what speaks against Wayland. */

import { inputError, UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import type { StartRequest } from "../request.ts";

/** The values of `--display`. */
export const displayNames = ["auto", "wayland", "x11"] as const;

/** How windows are to be shown. */
export type DisplayName = (typeof displayNames)[number];

/**
 * The value of `--display`, else of `$GUI_CONTAINER_DISPLAY`, else `auto`.
 *
 * @throws {UserError} exit code 2 for an unknown one
 */
export function wantedDisplay(host: Host, option: string | undefined): DisplayName {
  const wanted = option ?? host.env("GUI_CONTAINER_DISPLAY") ?? "auto";
  const name = displayNames.find((known) => known === wanted);
  if (name !== undefined) return name;
  throw inputError(
    `There is no way "${wanted}" to show windows`,
    `Use ${displayNames.join(", ")}, with --display or $GUI_CONTAINER_DISPLAY`,
  );
}

/** Wayland cannot show windows here. X may, if the user does not insist on Wayland. */
export class NoWayland extends UserError {
  /**
   * `reason`: why, as the end of a sentence. `exitCode`: {@linkcode ExitCode.usage} only when nothing was touched;
   * `output`: what another program printed.
   */
  constructor(readonly reason: string, options: { exitCode?: number; output?: string; cause?: unknown } = {}) {
    super(`Wayland cannot show this: ${reason}`, {
      hint: "Leave out --display wayland, or use --display x11",
      ...options,
    });
  }
}

/**
 * Why Wayland cannot show what is asked for, as the end of a sentence; undefined if nothing speaks against it so far.
 *
 * A window lives no longer than its client, so that there is nothing to come back to.
 */
export function againstWayland(
  host: Host,
  { wantsTray, userOptions, detached, box }: Pick<StartRequest, "wantsTray" | "userOptions" | "detached" | "box">,
): string | undefined {
  if (!host.env("WAYLAND_DISPLAY")) return "$WAYLAND_DISPLAY is not set";
  if (detached) return "a Wayland window cannot be left and shown later";
  if (userOptions.length > 0) return `"${userOptions[0]}" is an option for xpra`;
  if (!box) return "waypipe runs in a box only";
  return wantsTray ? "waypipe has no tray" : undefined;
}

/**
 * Why windows of an app on another machine are shown by X where that is possible and the user does not insist on
 * Wayland, as the end of a sentence. By Wayland, the app would end with the run.
 */
export function againstRemoteWayland(host: Host): string | undefined {
  return host.env("DISPLAY") ? "an app on another machine can then be left and shown again" : undefined;
}

/**
 * Compositors that say that they frame a window, and draw no title in the frame: Hyprland always (its XDGDecoration.cpp),
 * niri with prefer-no-csd (its FAQ).
 */
const untitled = ["hyprland", "niri"];

/**
 * Whether a desktop draws a title on the windows that it frames. Where it does not, a border tells whose they are.
 *
 * @param desktop `$XDG_CURRENT_DESKTOP`: names with colons between them
 */
export function drawsTitles(desktop = ""): boolean {
  return !desktop.toLowerCase().split(":").some((name) => untitled.includes(name));
}
