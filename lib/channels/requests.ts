/**
 * The requests of a session's agent, one JSON object a line. The container writes them: only the expected fields are
 * taken, within bounds, and invisible characters in texts are dropped or shown.
 */

import { parseTable } from "../base/json_file.ts";
import { removeInvisible } from "../base/text.ts";
import type { Pixels } from "./tray/picture.ts";

/** A filter of a file dialog: its name for the user, and patterns of file names. */
export interface FileFilter {
  label: string;
  /** The patterns, as in a shell. */
  patterns: string[];
}

/** What an app hands over: what is in a file of the container. */
export interface Handed {
  id: number;
  /** A name that is fit to be a file's, or empty. */
  name: string;
  path: string;
  /** In bytes. */
  size: number;
  /** The directory from which it is, where that is known. */
  directory?: string;
}

/** One line of the agent's. */
export type AgentRequest = NonNullable<ReturnType<typeof requestIn>>;

export interface MenuEntry {
  id: number;
  /** A separator has none. */
  label?: string;
  enabled: boolean;
  toggle: "checkmark" | "radio" | "";
  /** Whether it is checked. */
  on: boolean;
  menu: MenuEntry[];
}

/** The version of the lines that a session's agent and its host's end exchange; agent.py says its own. */
export const agentVersion = 1;

/** What the agent can lack: a package, what its session was started without, or our version. */
const lacks = ["xdg-desktop-portal", "python3-gi", "no-agent", "no-portals", "no-microphone", "same-version"] as const;

export type Lack = typeof lacks[number];

/** The longest line, in bytes. */
export const maxRequestLine = 16_384;

/** The largest side of an icon, in pixels. */
const maxIconSide = 48;
const maxEntries = 30;
const maxMenuDepth = 2;

const maxFilters = 16;
/** VLC has 140 for media files. */
const maxPatterns = 256;
const maxLabel = 60;
/** In UTF-16 code units: at most as many bytes as a file system allows. */
const maxName = 80;
/** So that a question about a directory shows it whole. */
const maxDirectory = 400;

/** A pattern that zenity can take for nothing but one pattern. */
const harmlessPattern = /^[\w*?.[\]+~-]{1,40}$/;

/** Endings of files that a desktop would start, or obey. */
const starting = /\.(?:desktop|directory|service|appimage|sh|run|exe|bat|cmd|jar|lnk|url)$/i;

/** Reads a line; undefined for one that is not as the agent writes it. */
export function parseRequest(line: string): AgentRequest | undefined {
  return requestIn(parseTable(line) ?? {});
}

function requestIn(value: Readonly<Record<string, unknown>>) {
  const { ask, id, path, on } = value;
  // The agent answers from now on.
  if (ask === "ready" && value.version === agentVersion) return { ask } as const;
  // A channel is not served, for lack of a package, or since the session was started without it.
  const what = ask === "ready" ? "same-version" : lacks.find((known) => known === value.what);
  if (ask === "ready" || ask === "lacks") return what && { ask: "lacks", what } as const;
  // An app opens a link.
  if (ask === "link") return typeof value.url === "string" ? { ask, url: value.url } as const : undefined;
  // Something begins to record, or nothing records any more.
  if (ask === "record") return { ask, on: on === true } as const;
  // A file at this path of the container is whole.
  if (ask === "saved") return isPath(path) ? { ask, path } as const : undefined;
  if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) return undefined;
  // An app shows a notification, in the place of its last one of this id.
  if (ask === "notify") {
    const { summary, body } = value;
    return typeof summary === "string" && typeof body === "string" ? { ask, id, summary, body } as const : undefined;
  }
  // A notification is no more.
  if (ask === "withdraw") return { ask, id } as const;
  // An app does not want an answer any more.
  if (ask === "gone") return { ask, id } as const;
  // An app wants a directory, a file or several, or to save one.
  if (ask === "folder") return { ask, id } as const;
  if (ask === "open") return { ask, id, multiple: value.multiple === true, filters: filtersIn(value.filters) } as const;
  if (ask === "save") return { ask, id, name: suggestedName(value.name), filters: filtersIn(value.filters) } as const;
  // An app hands over a file, or prints one.
  if (ask === "file" || ask === "print") {
    const { size, directory, name } = value;
    if (!isPath(path) || typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
    const isKnown = isPath(directory) && directory.startsWith("/") && directory.length <= maxDirectory;
    const handed: Handed = { id, name: keptName(name), path, size, ...isKnown ? { directory } : {} };
    return ask === "file" ? { ask, ...handed } as const : { ask, ...handed } as const;
  }
  // An app has an icon for the tray, or changes it. Its texts are the container's own.
  if (ask === "icon") {
    const { title, menu } = value;
    if (typeof title !== "string") return undefined;
    const status = value.status === "Passive" ? "Passive" : "Active";
    // It may have nothing but a menu.
    return { ask, id, title, status, isMenu: value.isMenu === true, menu: menuIn(menu, { left: maxEntries }) } as const;
  }
  // The picture of an icon.
  if (ask === "pixels") {
    const pixels = pixelsIn(value);
    return pixels && { ask, id, ...pixels } as const;
  }
  // An icon is no more.
  return ask === "no-icon" ? { ask, id } as const : undefined;
}

/** No path has a NUL, and no argument list takes one. */
function isPath(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}

/** The pixels of a line, exactly as many as its size says. */
function pixelsIn({ width, height, argb }: Readonly<Record<string, unknown>>): Pixels | undefined {
  const isSide = (side: unknown): side is number =>
    Number.isInteger(side) && side as number > 0 && side as number <= maxIconSide;
  if (!isSide(width) || !isSide(height) || typeof argb !== "string") return undefined;
  try {
    const bytes = Uint8Array.fromBase64(argb);
    return bytes.length === width * height * 4 ? { width, height, argb: bytes } : undefined;
  } catch {
    return undefined;
  }
}

/** The entries of a menu, as many as may still come, and those of menus in it. */
function menuIn(value: unknown, all: { left: number }, depth = maxMenuDepth): MenuEntry[] {
  if (!Array.isArray(value) || depth === 0) return [];
  const entries: MenuEntry[] = [];
  for (const given of value) {
    if (all.left === 0) break;
    const { id, label, enabled, toggle, on, menu } = (given ?? {}) as Record<string, unknown>;
    if (!Number.isInteger(id)) continue;
    all.left--;
    entries.push({
      id: id as number,
      ...typeof label === "string" ? { label } : {},
      enabled: enabled === true,
      toggle: toggle === "checkmark" || toggle === "radio" ? toggle : "",
      on: on === true,
      menu: menuIn(menu, all, depth - 1),
    });
  }
  return entries;
}

function filtersIn(value: unknown): FileFilter[] {
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
 * A name that the container suggests for a file: the last part of a path, of Windows' too, never one that is hidden or
 * that a program takes for an option. Empty when nothing is left of it.
 */
function baseName(value: unknown): string {
  if (typeof value !== "string") return "";
  return plainLine(value.split(/[/\\]/).at(-1)!, maxName).replace(/^[.\s~-]+/, "").replace(/[.\s]+$/, "");
}

/** The same; empty for a file that a desktop would start. */
function suggestedName(value: unknown): string {
  const name = baseName(value);
  return starting.test(name) ? "" : name;
}

/** The same for a file that is saved under this name, with an ending that no desktop starts. */
function keptName(value: unknown): string {
  const name = baseName(value);
  return starting.test(name) ? `${name}_` : name;
}

/** A text in one line, without invisible characters and repeated spaces. */
function plainLine(text: string, max: number): string {
  return removeInvisible(text.replace(/\p{Z}+|\s+/gu, " ")).trim().slice(0, max).toWellFormed();
}

/**
 * Cuts a stream into lines.
 *
 * @returns a function that takes a piece, and returns the lines that it completes
 * @throws {RangeError} for a line that is too long
 */
export function lineCutter(): (piece: Uint8Array) => string[] {
  const decoder = new TextDecoder();
  let rest = "";
  return (piece) => {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop()!;
    if ([rest, ...lines].some((line) => line.length > maxRequestLine)) throw new RangeError("The line is too long");
    return lines;
  };
}
