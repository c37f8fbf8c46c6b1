/** Lists of files, as desktops drag and copy them: `text/uri-list` of RFC 2483, with the `file` URIs of RFC 8089. */

import { UserError } from "../base/errors.ts";
import { revealInvisible } from "../base/text.ts";
import { linesOf, maxListBytes } from "../guard/wayland/dropped_files.ts";

/** How many files a list may have. */
const maxFiles = 64;

/**
 * The paths in a list. Hidden files are refused, since they hold the user's keys and commands that programs run:
 * whoever takes over waypipe's client could claim that they were dropped.
 *
 * @param given how the files were given, for messages: "dropped on …"
 * @throws {UserError} when it has anything but visible files of this host, or too many
 */
export function pathsIn(list: string, given: string): string[] {
  const lines = linesOf(list);
  if (lines.length > maxFiles || new TextEncoder().encode(list).length > maxListBytes) {
    throw new UserError(
      `More than ${maxFiles} files, or too long a list of them, were ${given}: none is lent`,
      { hint: "Take fewer, or put them into its share" },
    );
  }
  return lines.map((line) => {
    const path = pathOf(line);
    if (path?.includes("/.")) throw hidden(path, given);
    if (path !== undefined) return path;
    throw new UserError(`Something ${given} is not a file of this host: "${seen(line)}"`, {
      hint: "Copy it to a directory of this host first",
    });
  });
}

/**
 * Checks that no path leads to a hidden file through symbolic links.
 *
 * @throws {UserError} when one does
 */
export async function refuseHidden(paths: readonly string[], given: string): Promise<void> {
  for (const path of paths) {
    // Lending refuses what does not exist or cannot be reached.
    const realPath = await Deno.realPath(path).catch(() => path);
    if (realPath.includes("/.")) throw hidden(path, given);
  }
}

function hidden(path: string, given: string): UserError {
  return new UserError(`"${seen(path)}" was ${given}, and is hidden: none is lent`, { hint: "Lend it by map.ts" });
}

function seen(text: string): string {
  return revealInvisible(text).slice(0, 200);
}

function pathOf(uri: string): string | undefined {
  const [, encoded] = /^file:(?:\/\/(?:localhost)?)?(\/[^/?#][^?#]*)$/i.exec(uri) ?? [];
  try {
    const path = decodeURIComponent(encoded ?? "");
    return path === "" || path.includes("\0") ? undefined : path;
  } catch {
    // It is not UTF-8.
    return undefined;
  }
}

/** The list for these paths. */
export function listOf(paths: readonly string[]): string {
  return paths.map((path) => `file://${path.split("/").map(encodeURIComponent).join("/")}\r\n`).join("");
}
