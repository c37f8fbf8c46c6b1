/** The titles of a container's windows. */

import { shortLine } from "../base/text.ts";

const maxCharacters = 400;

/** A window's title: the container's name comes first, and nothing in the title can push it away or reverse it. */
export function titleOf(container: string, title: string): string {
  return `[${container}] ${shortLine(title, maxCharacters)}`;
}
