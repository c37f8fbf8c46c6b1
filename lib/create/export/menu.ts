/** The host's menu: the paths of entries and icons, and those that belong to a container. */

import { dirname, join } from "@std/path";
import { inputError, isFailure, orElse } from "../../base/errors.ts";
import { exists, readDirectory, removeEmpty, removeFile } from "../../base/files.ts";
import { lockFile } from "../../base/lock.ts";
import type { Host } from "../../base/host.ts";
import { quoteWords } from "../../base/shell_words.ts";
import type { Undo } from "../../base/undo.ts";
import { mountsRoot } from "../../container/paths.ts";
import { isAppId } from "./app.ts";
import { entryMark, entryName } from "./entry.ts";

/** The directories of a container's entries and icons. */
export interface Menu {
  host: Host;
  /** The container's name on this host. */
  container: string;
  /** The directory of all programs' entries. */
  entries: string;
  icons: string;
}

/**
 * The menu of the user, below `$XDG_DATA_HOME` or else `~/.local/share` (XDG Base Directory Specification).
 *
 * @throws {UserError} exit code 2 when neither variable is set, or when Deno or a desktop cannot use the path
 */
export function menuOf(host: Host, container: string): Menu {
  const home = host.env("HOME");
  const wanted = host.env("XDG_DATA_HOME");
  // The specification tells programs to ignore a relative path.
  const data = wanted?.startsWith("/") ? wanted : home && join(home, ".local/share");
  if (!data) throw inputError("Neither $XDG_DATA_HOME nor $HOME is set", "Set one of them");
  // Deno splits lists of paths at commas.
  if (/[,\p{C}]/u.test(data)) {
    throw inputError(
      `The menu cannot be in "${data}"`,
      "Set $XDG_DATA_HOME to a path without commas and control characters",
    );
  }
  return {
    host,
    container,
    entries: join(data, "applications"),
    icons: join(data, "gui-container", "icons", container),
  };
}

export function entryPath({ entries, container }: Menu, id: string): string {
  return join(entries, entryName(container, id));
}

export function iconPath({ icons }: Menu, id: string): string {
  return join(icons, `${id}.png`);
}

/** An entry that create.ts made. */
export interface Exported {
  id: string;
  text: string;
}

/** The existing entries of a container: files with its name and its mark. */
export async function exportedOf(menu: Menu): Promise<Exported[]> {
  const [before, after] = entryName(menu.container, "\n").split("\n") as [string, string];
  const ids = (await readDirectory(menu.entries))
    .filter(({ name, isFile }) => isFile && name.startsWith(before) && name.endsWith(after))
    .map(({ name }) => name.slice(before.length, -after.length)).filter(isAppId).sort();
  const found = await Promise.all(ids.map(async (id) => ({ id, text: await Deno.readTextFile(entryPath(menu, id)) })));
  return found.filter(({ text }) => text.split("\n").includes(`${entryMark}=${menu.container}`));
}

/** Files that killed runs have left: new files not yet moved into place, and icons without an entry. */
export async function leftoversOf(menu: Menu): Promise<string[]> {
  const [before] = entryName(menu.container, "\n").split("\n") as [string];
  const entries = (await readDirectory(menu.entries)).filter(({ name, isFile }) =>
    isFile && name.startsWith(before) && /\.desktop\.[0-9a-f]{8}\.new$/.test(name)
  );
  const icons: string[] = [];
  for (const { name, isFile } of await readDirectory(menu.icons)) {
    const id = name.slice(0, -".png".length);
    if (isFile && (!name.endsWith(".png") || !await exists(entryPath(menu, id)))) icons.push(join(menu.icons, name));
  }
  return [...entries.map(({ name }) => join(menu.entries, name)), ...icons];
}

/** Waits until no other run changes entries of containers, and makes others wait until the end of the value's scope. */
export async function menuTurn({ host, container }: Menu): Promise<Disposable | undefined> {
  const root = mountsRoot(host);
  // Without its directory, there is no container to export from.
  const isThere = await host.look(false, () => exists(join(root, container)));
  return isThere ? await lockFile(join(root, ".export.lock"), { signal: host.signal }) : undefined;
}

/**
 * Writes a file atomically. `undo` restores the former content.
 *
 * @param options `fresh`: the path of the new file before it is moved into place
 */
export async function writeFile(
  path: string,
  { data, undo, mode = 0o644, fresh = `${path}.${crypto.randomUUID().slice(0, 8)}.new` }: {
    data: Uint8Array;
    undo: Undo;
    mode?: number;
    fresh?: string;
  },
): Promise<void> {
  await makeDirectory(dirname(path), undo);
  const before = await exists(path) ? await Deno.readFile(path) : undefined;
  undo.add(`remove "${fresh}"`, () => removeFile(fresh));
  await removeFile(fresh);
  await Deno.writeFile(fresh, data, { mode, createNew: true });
  await Deno.rename(fresh, path);
  undo.add(`restore "${path}"`, () => before ? Deno.writeFile(path, before) : removeFile(path));
}

/** Makes a directory and its parents. `undo` removes the new ones. */
export async function makeDirectory(path: string, undo: Undo): Promise<void> {
  const made: string[] = [];
  for (let missing = path; !await exists(missing); missing = dirname(missing)) made.unshift(missing);
  if (made.length === 0) return;
  undo.add(`remove "${made[0]}"`, () => removeEmpty(made));
  await Deno.mkdir(path, { recursive: true });
}

/**
 * Removes entries and their icons, and leftovers.
 *
 * @returns the paths of the entries
 */
export async function removeExported(
  menu: Menu,
  { exported, leftovers = [] }: { exported: readonly Exported[]; leftovers?: readonly string[] },
): Promise<string[]> {
  const entries = exported.map(({ id }) => entryPath(menu, id));
  const paths = [...entries, ...exported.map(({ id }) => iconPath(menu, id)), ...leftovers];
  if (paths.length === 0) return [];
  await menu.host.change(`rm -f ${quoteWords(paths)}`, async () => {
    for (const path of paths) await removeFile(path);
    await removeEmpty([dirname(dirname(menu.icons)), dirname(menu.icons), menu.icons]);
  });
  if (exported.some(({ text }) => /^MimeType=/m.test(text))) await updateTypes(menu);
  return entries;
}

/** Updates the desktop's index of the types that entries open. A failure is only a warning. */
export async function updateTypes({ host, entries }: Menu): Promise<void> {
  await orElse(host.run(["update-desktop-database", "--quiet", entries]), isFailure, ({ message }) => {
    host.ui.warn(`The desktop was not told which files the apps open: ${message}`);
  });
}
