/**
 * The names of packet types. xpra 6.6 renames many of them (`docs/Network/Protocol.md`). With its
 * `XPRA_BACKWARDS_COMPATIBLE=1`, which is the default, it sends the old names and takes both; without it, it knows only
 * the new ones. The guard itself knows the old ones.
 */

import { isAtLeast } from "../../base/version.ts";
import type { Value } from "./rencode.ts";

/** Each type that has two names: the old one, and the one of xpra 6.6. What goes with both is the same. */
const synonyms: readonly (readonly [old: string, renamed: string])[] = [
  ["disconnect", "connection-close"],
  ["ping_echo", "ping-echo"],
  ["server-event", "events"],
  // Windows.
  ["new-window", "window-create"],
  ["lost-window", "window-destroy"],
  ["damage-sequence", "window-draw-ack"],
  ["buffer-refresh", "window-refresh"],
  ...["raise", "restack", "map", "unmap", "close"].map((verb) => [`${verb}-window`, `window-${verb}`] as const),
  ...["initiate-moveresize", "draw", "eos", "bell", "focus"].map((old) => [old, `window-${old}`] as const),
  // Keyboard, pointer and screens.
  ["set-keyboard-sync-enabled", "keyboard-sync"],
  ["pointer", "pointer-motion"],
  ["wheel-motion", "pointer-wheel"],
  ["configure-display", "display-configure"],
  ["desktop_size", "display-resized"],
  ["force-ungrab", "display-ungrab"],
  // Settings.
  ["set-bell", "bell-set"],
  ["set-cursors", "cursor-set"],
  ["encodings", "encoding-set"],
  ["connection-data", "bandwidth-status"],
  // Channels.
  ["set-clipboard-enabled", "clipboard-status"],
];

/** To xpra 6.6 a popup is a window whose description says so. */
const merged: typeof synonyms = [
  ["new-override-redirect", "window-create"],
  ["configure-override-redirect", "window-move-resize"],
];

const oldNames = new Map(synonyms.map(([old, renamed]) => [renamed, old]));
const newNames = new Map([...synonyms, ...merged]);

/** The old name of a type, which the guard uses. */
export function oldName(type: string): string {
  return oldNames.get(type) ?? type;
}

/** The name of a type in xpra 6.6. */
export function newName(type: string): string {
  return newNames.get(type) ?? type;
}

/** Whether an end takes new names, going by the version in its hello: those from 6.6 on do. */
export function takesNewNames(hello: Value | undefined): boolean {
  const version = hello instanceof Map ? hello.get("version") : undefined;
  const [known = "0"] = /^\d{1,3}\.\d{1,3}/.exec(`${version}`) ?? [];
  return isAtLeast(known, "6.6");
}
