/**
 * An app of a container, parsed from its desktop entry (Desktop Entry Specification 1.5). The container wrote the
 * entry, so only known keys with values of the expected form are accepted, up to a length that fits into a menu.
 */

import categoryTable from "./categories.json" with { type: "json" };
import { removeInvisible } from "../../base/text.ts";
import { type ExecLine, parseExecLine, unescapeValue } from "../../container/exec_line.ts";

/** The parts of an entry that are used. */
export interface App extends ExecLine {
  /** The name of the entry's file, without its suffix. */
  id: string;
  /** Its unlocalized name. */
  name: string;
  /** Name, GenericName, Comment and Keywords, by key and language: `Name[de]`. */
  texts: ReadonlyMap<string, string>;
  /** Its icon: a name in the container's icon themes, or a path in the container. */
  icon: string | undefined;
  windowClass: string;
  /** Its main category in the menu. */
  category: string | undefined;
  /** The MIME types of the files and addresses that it opens. */
  mimeTypes: readonly string[];
  /** Whether it notifies the desktop when its window appears (StartupNotify). */
  notifies: boolean;
  /** Whether the container's own menu hides it, on all desktops or on some. */
  isHidden: boolean;
}

export interface Refused {
  id: string;
  /** The rest of a sentence that begins with the id. */
  reason: string;
}

/** Whether `id` is valid for an entry: it becomes part of file names. */
export function isAppId(id: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/.test(id);
}

/** The keys with texts, and the maximum length of each, in characters. */
const maxTexts = { Name: 60, GenericName: 60, Comment: 160, Keywords: 200 } as const;

/**
 * The main category for each name in an entry (Desktop Menu Specification, appendix A). Settings is left out: a
 * container's settings are of no use on the host.
 */
const categories: ReadonlyMap<string, string> = new Map(Object.entries(categoryTable));

/** A MIME type of files or addresses. inode/… is excluded: directories and devices are never lent. */
export const mimeType =
  /^(?:application|audio|image|message|model|text|video|x-scheme-handler)\/[A-Za-z0-9][A-Za-z0-9.+-]{0,99}$/;

export const maxMimeTypes = 100;

/**
 * Parses an entry.
 *
 * @param id the name of its file, without its suffix
 * @returns undefined for an entry that only hides another
 */
export function parseEntry(id: string, text: string): App | Refused | undefined {
  const values = valuesOf(text);
  const refuse = (reason: string): Refused => ({ id, reason });
  const isTrue = (key: string): boolean => values.get(key) === "true";
  if (isTrue("Hidden")) return undefined;
  if (values.get("Type") !== "Application") return refuse("is not an application");
  if (isTrue("Terminal")) return refuse("runs in a terminal");
  const texts = textsOf(values);
  const name = texts.get("Name");
  if (name === undefined) return refuse("has no name that can be shown");
  const run = parseExecLine(values.get("Exec") ?? "");
  if (!run) return refuse("has no command line, or one with characters of a shell");
  const icon = values.get("Icon") ?? "";
  const windowClass = values.get("StartupWMClass") ?? "";
  return {
    id,
    name,
    texts,
    ...run,
    icon: /^[A-Za-z0-9/][A-Za-z0-9 ._+@/-]{0,199}$/.test(icon) ? icon : undefined,
    windowClass: /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}$/.test(windowClass) ? windowClass : run.program,
    category: itemsOf(values.get("Categories")).map((item) => categories.get(item)).find((item) => item !== undefined),
    mimeTypes: [...new Set(itemsOf(values.get("MimeType")).filter((item) => mimeType.test(item)))]
      .slice(0, maxMimeTypes),
    notifies: isTrue("StartupNotify"),
    isHidden: isTrue("NoDisplay") || values.has("OnlyShowIn"),
  };
}

/** The lines `key=value` and `key[language]=value` of the group [Desktop Entry]; the first line of each key counts. */
function valuesOf(text: string): Map<string, string> {
  const values = new Map<string, string>();
  let isOwn = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("[")) isOwn = line.trimEnd() === "[Desktop Entry]";
    const [, key, value] = /^([A-Za-z0-9-]+(?:\[[^\]]*\])?)[ \t]*=[ \t]*(.*)$/s.exec(line) ?? [];
    if (isOwn && key !== undefined && !values.has(key)) values.set(key, value!.trimEnd());
  }
  return values;
}

function textsOf(values: ReadonlyMap<string, string>): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [key, value] of values) {
    const [, name, language] = /^(\w+)(?:\[([^\]]*)\])?$/.exec(key) ?? [];
    if (name === undefined || !Object.hasOwn(maxTexts, name)) continue;
    if (language !== undefined && !/^[a-z]{2,3}(?:_[A-Z]{2})?(?:@[a-z]{1,12})?$/.test(language)) continue;
    const max = maxTexts[name as keyof typeof maxTexts];
    const shown = (text: string): string => showable(unescapeValue(text), max);
    const text = name === "Keywords"
      ? itemsOf(value).map(shown).filter(Boolean).map((word) => `${word};`).join("")
      : shown(value);
    if (text !== "" && [...text].length <= max) texts.set(key, text);
  }
  return texts;
}

/**
 * Removes invisible characters from a text. Returns an empty text unless the rest is one line of letters, digits,
 * punctuation, symbols and spaces: without control and format characters, it cannot reverse a line's direction; without
 * `<`, `>` and `\`, it is not markup and needs no escaping; many marks stacked on one letter would cover neighbouring
 * lines.
 */
function showable(text: string, max: number): string {
  if (/[\p{C}<>\\]/u.test(text)) return "";
  const seen = removeInvisible(text);
  const isLine = /^[\p{L}\p{N}\p{P}\p{S}][\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]*$/u.test(seen) && !/\p{M}{4}/u.test(seen);
  return isLine && [...seen].length <= max ? seen : "";
}

/** The items of a list. Escaped semicolons are not supported: they split an item. */
function itemsOf(list: string | undefined): string[] {
  return (list ?? "").split(";").map((item) => item.trim()).filter(Boolean);
}
