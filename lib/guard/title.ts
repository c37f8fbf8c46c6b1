/** The titles of a container's windows, and their classes: how a desktop shows whose they are. */

import { shortLine } from "../base/text.ts";

const maxCharacters = 400;
const maxClassCharacters = 80;

/** A window's title: the container's name comes first, and nothing in the title can push it away or reverse it. */
export function titleOf(container: string, title: string): string {
  return `[${container}] ${shortLine(title, maxCharacters)}`;
}

/**
 * A window's class, as X calls it, or its app id, as Wayland does. The desktop groups windows by it, and takes it for
 * the name of a menu entry and for an icon: no window of a container may have that of a program of the host.
 */
export function classOf(container: string, name: string): string {
  return `${container}.${shortLine(name, maxClassCharacters).replace(/[^\w.@+-]/g, "_")}`;
}
