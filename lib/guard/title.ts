/** Titles and classes of a container's windows, by which a desktop shows whose they are. */

import { shortLine } from "../base/text.ts";

const maxCharacters = 400;
const maxClassCharacters = 80;

/** A window's title. It begins with the container's name, which the rest can neither push away nor reverse. */
export function titleOf(container: string, title: string): string {
  return `[${container}] ${shortLine(title, maxCharacters)}`;
}

/**
 * A window's class (X) or app id (Wayland). The desktop groups windows by it, and looks up a menu entry and an icon by
 * it: no window of a container may have that of a host's program.
 */
export function classOf(container: string, name: string): string {
  return `${container}.${shortLine(name, maxClassCharacters).replace(/[^\w.@+-]/g, "_")}`;
}
