/** The host's menu: where its entries and their icons are, and which of them are those of a container. */

import { dirname, join } from "@std/path";
import { inputError, ProcessError, UserError } from "../../base/errors.ts";
import { exists, readDirectory, removeEmpty } from "../../base/files.ts";
import type { Host } from "../../base/host.ts";
import { quoteWords } from "../../base/shell_words.ts";
import type { Undo } from "../../base/undo.ts";
import { isAppId } from "./app.ts";
import { entryMark, entryName } from "./entry.ts";

/** The directories of a container's entries and icons. */
export interface Menu {
  /** The container's name. */
  container: string;
  /** Entries of all programs. */
  entries: string;
  /** Icons of this container. */
  icons: string;
}

/**
 * The menu of the user, below `$XDG_DATA_HOME` or else `~/.local/share` (XDG Base Directory Specification).
 *
 * @throws {UserError} exit code 2 when there is no such directory, or when Deno or a desktop cannot take its path
 */
export function menuOf(host: Pick<Host, "env">, container: string): Menu {
  const home = host.env("HOME");
  const wanted = host.env("XDG_DATA_HOME");
  // The specification has programs ignore a path that is not absolute.
  const data = wanted?.startsWith("/") ? wanted : home && join(home, ".local/share");
  if (!data) throw inputError("Neither $XDG_DATA_HOME nor $HOME is set", "Set one of them");
  // Deno splits a list of paths at commas.
  if (/[,\p{C}]/u.test(data)) {
    throw inputError(
      `The menu cannot be in "${data}"`,
      "Set $XDG_DATA_HOME to a path without commas and control characters",
    );
  }
  return {
    container,
    entries: join(data, "applications"),
    icons: join(data, "gui-container", "icons", container),
  };
}

/** The path of the entry for an app. */
export function entryPath({ entries, container }: Menu, id: string): string {
  return join(entries, entryName(container, id));
}

/** The path of the icon for an app. */
export function iconPath({ icons }: Menu, id: string): string {
  return join(icons, `${id}.png`);
}

/** An entry of ours that is there. */
export interface Exported {
  /** The id of the app. */
  id: string;
  /** Its text. */
  text: string;
}

/** The entries of a container that are there: files with its name in theirs and with its mark in them. */
export async function exportedOf(menu: Menu): Promise<Exported[]> {
  const [before, after] = entryName(menu.container, "\n").split("\n") as [string, string];
  const ids = (await readDirectory(menu.entries)).map(({ name }) => name)
    .filter((name) => name.startsWith(before) && name.endsWith(after))
    .map((name) => name.slice(before.length, -after.length)).filter(isAppId).sort();
  const found = await Promise.all(ids.map(async (id) => ({ id, text: await readOurs(menu, id) })));
  return found.flatMap(({ id, text }) => text === undefined ? [] : [{ id, text }]);
}

/** The text of an entry; undefined when it lacks our mark. */
async function readOurs(menu: Menu, id: string): Promise<string | undefined> {
  const path = entryPath(menu, id);
  if (!(await Deno.lstat(path)).isFile) return undefined;
  const text = await Deno.readTextFile(path);
  return text.split("\n").includes(`${entryMark}=${menu.container}`) ? text : undefined;
}

/**
 * Refuses to replace what is not ours.
 *
 * @throws {UserError} when a file of another kind has the name of an entry
 */
export async function refuseForeign(menu: Menu, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const path = entryPath(menu, id);
    if (!await exists(path) || await readOurs(menu, id) !== undefined) continue;
    throw new UserError(`"${path}" is there, and was not made by create.ts --export`, { hint: "Move it away" });
  }
}

/** Writes a file as a whole or not at all. `undo` brings back what was there. */
export async function writeFile(path: string, data: Uint8Array, undo: Undo): Promise<void> {
  await makeDirectory(dirname(path), undo);
  const before = await exists(path) ? await Deno.readFile(path) : undefined;
  undo.add(`restore "${path}"`, async () => {
    await removeFiles([`${path}.new`, ...(before ? [] : [path])]);
    if (before) await Deno.writeFile(path, before);
  });
  await Deno.writeFile(`${path}.new`, data, { mode: 0o644 });
  await Deno.rename(`${path}.new`, path);
}

/** Removes those of the files that are there. */
async function removeFiles(paths: readonly string[]): Promise<void> {
  for (const path of paths) if (await exists(path)) await Deno.remove(path);
}

async function makeDirectory(path: string, undo: Undo): Promise<void> {
  const made: string[] = [];
  for (let missing = path; !await exists(missing); missing = dirname(missing)) made.unshift(missing);
  if (made.length === 0) return;
  undo.add(`remove "${made[0]}"`, () => removeEmpty(made));
  await Deno.mkdir(path, { recursive: true });
}

/**
 * Removes entries and their icons.
 *
 * @returns the paths of the entries
 */
export async function removeExported(host: Host, menu: Menu, exported: readonly Exported[]): Promise<string[]> {
  if (exported.length === 0) return [];
  const entries = exported.map(({ id }) => entryPath(menu, id));
  const icons = exported.map(({ id }) => iconPath(menu, id));
  await host.change(`rm -f ${quoteWords([...entries, ...icons])}`, async () => {
    await removeFiles([...entries, ...icons]);
    await removeEmpty([dirname(dirname(menu.icons)), dirname(menu.icons), menu.icons]);
  });
  if (exported.some(({ text }) => /^MimeType=/m.test(text))) await updateTypes(host, menu);
  return entries;
}

/** Tells the desktop which entries open which types of files. A failure is only a warning. */
export async function updateTypes(host: Host, { entries }: Menu): Promise<void> {
  try {
    await host.run(["update-desktop-database", "--quiet", entries]);
  } catch (error) {
    if (!(error instanceof ProcessError || error instanceof UserError)) throw error;
    host.ui.warn(`The desktop does not know which files the apps open: ${error.message}`);
  }
}
