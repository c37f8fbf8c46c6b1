/**
 * Parses the requests of a session's agent, one JSON object a line. The container writes them: only expected fields are
 * read, within bounds, and invisible characters in texts are dropped or shown.
 */

import { removeInvisible } from "../base/text.ts";
import type { Container } from "../container/container.ts";
import { maxHandedBytes } from "../container/handed.ts";
import { type Happening, historyIsFull } from "../container/history.ts";
import { Refusal } from "../guard/faults.ts";
import type { Channel } from "./interface.ts";
import type { Line } from "./io.ts";

/** A filter of a file dialog: its name for the user, and patterns of file names. */
export interface FileFilter {
  label: string;
  /** The patterns, as in a shell. */
  patterns: string[];
}

/** A file of the container that an app hands over. */
export interface Handed {
  id: number;
  /** A valid name for a file, or empty. */
  name: string;
  path: string;
  /** In bytes. */
  size: number;
  /** Its directory, if known. */
  directory?: string;
}

const maxFilters = 16;
/** VLC has 140 for media files. */
const maxPatterns = 256;
const maxLabel = 60;
/** In UTF-16 code units, which make fewer bytes than file systems allow. */
const maxName = 80;
/** So that a question about a directory shows it whole. */
const maxDirectory = 400;

/** A pattern that zenity cannot mistake for several, or for anything else. */
const harmlessPattern = /^[\w*?.[\]+~-]{1,40}$/;

/** Endings of files that a desktop would run, or take instructions from. */
const starting = /\.(?:desktop|directory|service|appimage|sh|run|exe|bat|cmd|jar|lnk|url)$/i;

/** The file that a line hands over. */
export function handedIn({ path, size, directory, name }: Line, id: number): Handed | undefined {
  if (!isPath(path) || typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
  const isKnown = isPath(directory) && directory.startsWith("/") && directory.length <= maxDirectory;
  return { id, name: keptName(name), path, size, ...isKnown ? { directory } : {} };
}

/** Returns the file, or throws a refusal if it cannot be handed over. */
export function checkHanded<F extends Handed>(file: F): F {
  if (file.name === "") throw new Refusal("a file has a name that is not allowed");
  if (file.size >= 1 && file.size <= maxHandedBytes) return file;
  throw new Refusal(`a file is empty, or larger than ${maxHandedBytes / 2 ** 20} MiB`);
}

/** Writes into the history what is about to happen. Throws a refusal if it cannot: nothing happens without a line. */
export function record({ history }: Pick<Container, "history">, happening: Happening): void {
  if (!history.add(happening)) throw new Refusal(historyIsFull);
}

/** The request in a line of the agent, and the channel it is for; undefined if none of these channels takes it. */
export function requestIn<C extends Pick<Channel, "asks">>(
  channels: readonly C[],
  line: Line,
): { channel: C; ask: unknown } | undefined {
  const { ask: word, id } = line;
  if (typeof word !== "string" || typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) return undefined;
  const channel = channels.find(({ asks = {} }) => Object.hasOwn(asks, word));
  const ask = channel?.asks?.[word]?.(line, id);
  return channel && ask !== undefined ? { channel, ask } : undefined;
}

/** No path has a NUL, and no argument list takes one. */
export function isPath(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}

/** The filters of a line. */
export function filtersIn(value: unknown): FileFilter[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, maxFilters).flatMap((filter): FileFilter[] => {
    if (!Array.isArray(filter)) return [];
    const [label, patterns] = filter;
    if (typeof label !== "string" || !Array.isArray(patterns)) return [];
    const harmless = patterns.slice(0, maxPatterns)
      .filter((pattern): pattern is string => typeof pattern === "string" && harmlessPattern.test(pattern));
    // zenity ends the label at a bar, and may take a backslash for the start of an escape.
    const seen = plainLine(label, maxLabel).replace(/[|\\]/g, "/");
    return harmless.length > 0 ? [{ label: seen || "Files", patterns: harmless }] : [];
  });
}

/**
 * The name for a file that the container suggests: the last part of a path, also of Windows, made visible, no option of
 * a program, and without an ending that a desktop would run. Empty when nothing is left.
 */
export function keptName(value: unknown): string {
  if (typeof value !== "string") return "";
  const line = plainLine(value.split(/[/\\]/).at(-1)!, maxName);
  const name = line.replace(/^[.\s~-]+/, "").replace(/[.\s]+$/, "");
  return starting.test(name) ? `${name}_` : name;
}

/** A text in one line, without invisible characters and repeated spaces. */
function plainLine(text: string, max: number): string {
  return removeInvisible(text.replace(/\p{Z}+|\s+/gu, " ")).trim().slice(0, max).toWellFormed();
}
