/**
 * Makes apps of containers the desktop's default for files and addresses: lines of mimeapps.list (Association between
 * MIME types and applications 1.0.1), and a record of the former defaults. The user names the types: a container has no
 * say in them, nor in any other part of a line.
 */

import { dirname, join } from "@std/path";
import { inputError, UserError } from "../../base/errors.ts";
import { exists, ifThere, readDirectory, removeFile } from "../../base/files.ts";
import { readJson } from "../../base/json_file.ts";
import { quoteWords } from "../../base/shell_words.ts";
import { type Undo, withUndo } from "../../base/undo.ts";
import { type App, maxMimeTypes, mimeType } from "./app.ts";
import { entryName } from "./entry.ts";
import { makeDirectory, type Menu, writeFile } from "./menu.ts";

/** An entry that is the default for a type. */
export interface Default {
  type: string;
  /** The base name of the entry's file. */
  entry: string;
  /** The former value in the list, if any. */
  before?: string;
}

/** The text of a mimeapps.list, and records of our lines in it. */
export interface Defaults {
  text: string;
  records: readonly Default[];
}

/** The group of defaults, including its header. */
const group = /^[ \t]*\[Default Applications\][ \t\r]*\n(?:(?!\[)[^\n]*\n?)*/m;

/**
 * Parses a value of `--default`: a word without a slash is a URL scheme.
 *
 * @throws {UserError} exit code 2
 */
export function parseTypes(value: string): string[] {
  const types = value.split(",").map((word) => word.includes("/") ? word : `x-scheme-handler/${word}`);
  const wrong = types.findIndex((type) => !mimeType.test(type));
  if (wrong < 0) return [...new Set(types)];
  throw inputError(
    `"${value.split(",")[wrong]}" is neither a type of files nor a scheme of addresses`,
    "For example: application/pdf, or https",
  );
}

/**
 * Chooses the app that opens each type.
 *
 * @throws {UserError} exit code 2 for a type that none of them opens, or that several open
 */
export function chooseDefaults(apps: readonly App[], types: readonly string[]): Map<string, App> {
  return new Map(types.map((type) => {
    const fitting = apps.filter((app) => opensType(app, type));
    const [app, other] = fitting;
    if (app === undefined) {
      throw inputError(
        `None of the apps opens ${type}`,
        `See MimeType= in their entries: the first ${maxMimeTypes} types of each count`,
      );
    }
    if (other === undefined) return [type, app] as const;
    const ids = fitting.slice(0, 10).map(({ id }) => id).join(", ");
    throw inputError(`Several apps open ${type}: ${ids}`, "Name one of them after the container's NAME");
  }));
}

/** Whether an entry can offer an app for a type. */
export function opensType({ opens, mimeTypes }: App, type: string): boolean {
  return (opens === "address" || opens === "file" && !type.startsWith("x-scheme-handler/")) && mimeTypes.includes(type);
}

/**
 * Makes entries the default for types. Existing defaults stay unchanged. A line has one entry without a semicolon: KIO
 * 6 takes the whole value as the name of a browser.
 */
export function withDefaults(before: Defaults, chosen: readonly Pick<Default, "type" | "entry">[]): Defaults {
  return chosen.reduce((defaults, { type, entry }) => {
    if (firstOf(valueOf(defaults.text, type)) === entry) return defaults;
    // Drops our record of a default that the user has changed meanwhile.
    const { text, records } = withoutDefaults(defaults, (one) => one.type === type && one.entry === entry);
    const value = valueOf(text, type);
    const record = { type, entry, ...value === undefined ? {} : { before: value } };
    return { text: withValue(text, type, entry), records: [...records, record] };
  }, before);
}

/**
 * Restores former defaults, unless the user has changed them meanwhile. If another export has replaced a removed entry,
 * its record inherits the former default.
 */
export function withoutDefaults(before: Defaults, isGone: (record: Default) => boolean): Defaults {
  return before.records.filter(isGone).reduce(({ text, records }, { type, entry }) => {
    const isThis = (one: Default): boolean => one.type === type && one.entry === entry;
    // Looked up again: an earlier step may have changed the record.
    const { before: value } = records.find(isThis)!;
    const isOurs = firstOf(valueOf(text, type)) === entry;
    return {
      text: isOurs ? withValue(text, type, value) : text,
      records: records.filter((one) => !isThis(one)).map((one) => {
        if (one.type !== type || firstOf(one.before) !== entry) return one;
        const { before: _, ...rest } = one;
        return value === undefined ? rest : { ...rest, before: value };
      }),
    };
  }, before);
}

function firstOf(list: string | undefined): string | undefined {
  return list?.split(";")[0]?.trim();
}

const isLineOf = (line: string, type: string): boolean => line.split("=", 1)[0]!.trim() === type && line.includes("=");

/** The value of a type in a list: of several lines, programs use the last. */
function valueOf(text: string, type: string): string | undefined {
  const line = group.exec(text)?.[0].split("\n").findLast((line) => isLineOf(line, type));
  return line?.slice(line.indexOf("=") + 1).trim();
}

/** Sets or removes the value of a type. Other lines stay unchanged, but an empty group at the end is removed. */
function withValue(text: string, type: string, value: string | undefined): string {
  const before = text.replace(/[^\n]$/, "$&\n");
  const whole = group.test(before) ? before : `${before}[Default Applications]\n`;
  return whole.replace(group, (found, at: number) => {
    const [heading, ...own] = found.split(/(?<=\n)/);
    const first = own.findIndex((line) => isLineOf(line, type));
    const kept = own.filter((line) => !isLineOf(line, type));
    // The value goes to the place of the first removed line.
    if (value !== undefined) kept.splice(Math.max(first, 0), 0, `${type}=${value}\n`);
    return kept.length === 0 && at + found.length === whole.length ? "" : heading + kept.join("");
  });
}

/** The path of the user's own list, below `$XDG_CONFIG_HOME` or else `~/.config`. */
function listPath({ host: { env } }: Menu): string {
  const config = env("XDG_CONFIG_HOME") ?? "";
  // As in the first lines of create.ts.
  return join(/^\/[^,]*$/.test(config) ? config : join(env("HOME") ?? "/", ".config"), "mimeapps.list");
}

function recordPath({ icons }: Menu): string {
  return join(dirname(dirname(icons)), "defaults.json");
}

/** Reads the records of earlier runs. */
export async function readRecords(menu: Menu): Promise<Default[]> {
  const found = await readJson(recordPath(menu));
  if (!Array.isArray(found)) return [];
  return found.filter((one) => typeof one?.type === "string" && typeof one.entry === "string");
}

/**
 * Makes entries the default for types, and restores the former defaults of removed entries.
 *
 * @throws {UserError} when the list is a link, or not a regular file
 */
export async function changeDefaults(
  menu: Menu,
  { defaults = [], isGone, undo }: {
    defaults?: readonly Pick<Default, "type" | "entry">[];
    isGone: (record: Default) => boolean;
    undo: Undo;
  },
): Promise<void> {
  const path = listPath(menu);
  const records = await readRecords(menu);
  if (defaults.length === 0 && !records.some(isGone)) return;
  const state = await ifThere(Deno.lstat(path));
  if (state && !state.isFile) {
    throw new UserError(`"${path}" is not a regular file`, {
      hint: "Choose in the desktop's settings what opens what",
    });
  }
  const before = { text: state ? await Deno.readTextFile(path) : "", records };
  const after = withDefaults(withoutDefaults(before, isGone), defaults);
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const writeRecord = async (): Promise<void> => {
    if (after.records.length === 0) return await removeFile(recordPath(menu));
    await writeFile(recordPath(menu), { data: bytes(JSON.stringify(after.records)), undo });
  };
  const writeList = async (): Promise<void> => {
    if (after.text === before.text) return;
    // create.ts has permission to make only this directory there.
    if (!await exists(dirname(path))) await makeDirectory(join(dirname(path), "gui-container"), undo);
    await writeFile(path, {
      data: bytes(after.text),
      undo,
      ...state ? { mode: state.mode! & 0o777 } : {},
      fresh: `${path}.gui-container`,
    });
    if (after.text === "") await removeFile(path);
  };
  // The record must exist as long as the line: without it, the line would never be removed.
  const isOver = defaults.length === 0 || after.records.length === 0;
  for (const write of isOver ? [writeList, writeRecord] : [writeRecord, writeList]) await write();
  await warnOfOthers(menu, defaults);
}

/** Warns of settings that override the list: a desktop's own list (`gnome-mimeapps.list`), or KIO 6's browser. */
async function warnOfOthers(menu: Menu, defaults: readonly { type: string }[]): Promise<void> {
  const directory = dirname(listPath(menu));
  const types = defaults.map(({ type }) => type);
  for (const { name } of await readDirectory(directory)) {
    if (!/^(?:[a-z-]+-mimeapps\.list|kdeglobals)$/.test(name)) continue;
    const text = await Deno.readTextFile(join(directory, name)).catch(() => "");
    const isNamed = (type: string): boolean =>
      name === "kdeglobals"
        ? /^x-scheme-handler\/https?$/.test(type) && /^BrowserApplication=./m.test(text)
        : valueOf(text, type) !== undefined;
    const named = types.filter(isNamed).join(", ");
    if (named !== "") {
      menu.host.ui.warn(`"${join(directory, name)}" comes first on its desktop, and names an app for ${named}`);
    }
  }
}

/** Restores the defaults from before the container's entries, which are about to be removed. */
export async function restoreDefaults(menu: Menu): Promise<void> {
  const isGone = ({ entry }: Default): boolean => entry.startsWith(entryName(menu.container, "\n").split("\n")[0]!);
  const records = await readRecords(menu);
  if (!records.some(isGone)) return;
  await menu.host.change(`write ${quoteWords([listPath(menu)])}`, async () => {
    await withUndo(menu.host, (undo) => changeDefaults(menu, { isGone, undo }));
  });
}
