/** `create.ts --export NAME`: puts the apps of a container into the host's menu. */

import { dirname, fromFileUrl, join } from "@std/path";
import { inputError, UserError } from "../../base/errors.ts";
import { exists, findOnPath } from "../../base/files.ts";
import type { Host } from "../../base/host.ts";
import { withUndo } from "../../base/undo.ts";
import type { Arguments } from "../../cli/options.ts";
import type { Container } from "../../container/container.ts";
import { containerAt } from "../../container/resolve.ts";
import { type Address, addressCalled, engineArguments, type EngineOptions } from "../../container/address.ts";
import type { App } from "./app.ts";
import { changeDefaults, chooseDefaults, type Default, opensType, parseTypes, readRecords } from "./defaults.ts";
import { entryName, type EntryOptions, entryText, inCopy, shownName, sortOptions } from "./entry.ts";
import {
  entryPath,
  type Exported,
  exportedOf,
  iconPath,
  type Menu,
  menuOf,
  menuTurn,
  removeExported,
  updateTypes,
  writeFile,
} from "./menu.ts";
import { type Apps, readApps, readIcons } from "./read_apps.ts";

export interface ExportRequest extends Pick<EntryOptions, "attachOptions" | "xpraOptions"> {
  /** Ids or names of apps; none for all. */
  wanted: readonly string[];
  /** Whether to offer the apps for all types of files and addresses that they open. */
  withTypes: boolean;
  /** The types of files and addresses for which they become the default. */
  defaultTypes: readonly string[];
}

/** An app in the menu, as the result lists it. */
export interface ExportedApp {
  id: string;
  name: string;
  entry: string;
}

/**
 * Parses the words after `--export NAME`, apps first, then options, and the options `--mime` and `--default`.
 *
 * @throws {UserError} exit code 2
 */
export function readExport(
  words: readonly string[],
  { flags, values }: Pick<Arguments<string>, "flags" | "values">,
): ExportRequest {
  const first = words.findIndex((word) => word.startsWith("-"));
  const end = first < 0 ? words.length : first;
  const named = values.get("default");
  return {
    wanted: words.slice(0, end),
    ...sortOptions(words.slice(end)),
    withTypes: flags.has("mime"),
    defaultTypes: named === undefined ? [] : parseTypes(named),
  };
}

/**
 * Exports apps of the container that the command line names, and lists them.
 *
 * @throws {UserError} as {@linkcode exportApps}
 */
export async function exportNamed(
  host: Host,
  { word, request, ...options }: EngineOptions & { word: string; request: ExportRequest },
): Promise<void> {
  const exported = await exportApps(host, await addressCalled(host, { word, ...options }), request);
  host.ui.result(exported.map(({ id, name, entry }) => [id, name, entry].join("\t")).join("\n"), exported);
}

/**
 * Exports apps. Without `wanted`, removes entries of apps that no longer exist, and skips an app if a foreign entry is
 * in its place. Meanwhile, other runs that change entries wait.
 *
 * @throws {UserError} exit code 2 for an app that does not exist or cannot be exported; then nothing is changed
 */
export async function exportApps(host: Host, address: Address, request: ExportRequest): Promise<ExportedApp[]> {
  const menu = menuOf(host, address.hostName);
  using _turn = await menuTurn(menu);
  await using container = await containerAt(host, address, { keepsHistory: false });
  const found = await readApps(container);
  // A dry run does not know the container's apps.
  const exported = await host.change(`write ${entryPath(menu, "<APP>")} ${iconPath(menu, "<APP>")}`, async () => {
    const before = await exportedOf(menu);
    const records = await readRecords(menu);
    const isDefault = (id: string, type?: string): boolean =>
      records.some((one) => one.entry === entryName(menu.container, id) && (type ?? one.type) === one.type);
    const chosen = chooseApps({ container: container.label, ...found }, request.wanted);
    if (request.wanted.length === 0) tellRefused(host, found);
    const isGone = ({ id }: Exported): boolean => request.wanted.length === 0 && !chosen.some((app) => app.id === id);
    const exporting = { menu, request, before, isDefault };
    const apps = await withoutKept(container, { ...exporting, chosen });
    return await writeEntries(container, { ...exporting, apps, removed: before.filter(isGone) });
  });
  return exported ?? [];
}

/** The input of an export. */
interface Exporting {
  menu: Menu;
  request: ExportRequest;
  /** The existing entries. */
  before: readonly Exported[];
  /** Whether an earlier export made an app the default for a type, or for any type. */
  isDefault(id: string, type?: string): boolean;
}

/**
 * The chosen apps without those whose entries stay unchanged. Warns of these, or, if they were named, throws.
 *
 * @throws {UserError} for an app that was named and cannot be exported
 */
async function withoutKept(
  { host, label }: Container,
  { menu, request: { wanted, attachOptions }, before, isDefault, chosen }: Exporting & { chosen: readonly App[] },
): Promise<App[]> {
  // Never replaces a file that create.ts did not make.
  const foreign: string[] = [];
  for (const { id } of chosen) {
    const path = entryPath(menu, id);
    if (before.some((entry) => entry.id === id) || !await exists(path)) continue;
    foreign.push(id);
    const reason = `"${path}" is there, and was not made by create.ts --export`;
    if (wanted.length > 0) throw new UserError(reason, { hint: "Move it away" });
    host.ui.warn(`Not exported: ${reason}`);
  }
  const leavesCopies = attachOptions.includes(inCopy)
    ? []
    : chosen.map(({ id }) => id).filter((id) =>
      isDefault(id) && before.some((entry) => entry.id === id && entry.text.includes(` ${inCopy} `))
    );
  for (const id of leavesCopies) {
    host.ui.warn(
      wanted.length === 0
        ? `Not exported: "${id}", which opens its types of files in copies. To change that, name it`
        : `"${id}" opens its types of files in "${label}" from now on, not in copies`,
      { security: wanted.length > 0 },
    );
  }
  return chosen.filter(({ id }) => !foreign.includes(id) && (wanted.length > 0 || !leavesCopies.includes(id)));
}

/** Writes the entries and icons of apps, makes them the requested defaults, and removes entries without an app. */
async function writeEntries(
  container: Container,
  { menu, request, before, isDefault, apps, removed }: Exporting & {
    apps: readonly App[];
    removed: readonly Exported[];
  },
): Promise<ExportedApp[]> {
  const { host, engine } = container;
  const defaults = chooseDefaults(apps, request.defaultTypes);
  // If a type has no default, GLib uses any app offered for it. So the container's types count only on request.
  const typesOf = (app: App): string[] =>
    app.mimeTypes.filter((type) =>
      opensType(app, type) && (request.withTypes || defaults.get(type) === app || isDefault(app.id, type))
    );
  const icons = await readIcons(container, apps);
  const root = host.env("GUI_CONTAINER_MOUNTS");
  const options = {
    ...request,
    attachOptions: [...engineArguments({ ...engine, byOption: true }), ...request.attachOptions],
    container: container.label,
    opener: await findOpener(host),
    hostName: menu.container,
    env: root === undefined ? {} : { GUI_CONTAINER_MOUNTS: root },
  };
  const isGone = ({ type, entry }: Default): boolean => {
    const isOf = ({ id }: { id: string }): boolean => entryName(menu.container, id) === entry;
    const app = apps.find(isOf);
    return app ? !opensType(app, type) : removed.some(isOf);
  };
  await withUndo(host, async (undo) => {
    for (const app of apps) {
      const picture = icons.get(app);
      if (picture) await writeFile(iconPath(menu, app.id), { data: picture, undo });
      // A name from the container would show another app's icon of the host.
      const icon = picture ? iconPath(menu, app.id) : "application-x-executable";
      const text = entryText({ ...app, mimeTypes: typesOf(app) }, icon, options);
      await writeFile(entryPath(menu, app.id), { data: new TextEncoder().encode(text), undo });
    }
    const ownDefaults = [...defaults].map(([type, { id }]) => ({ type, entry: entryName(menu.container, id) }));
    await changeDefaults(menu, { defaults: ownDefaults, isGone, undo });
  });
  for (const [type, { name }] of defaults) host.ui.status(`${type} opens in ${shownName(name, options)}`);
  await removeExported(menu, { exported: removed });
  const isTyped = apps.some((app) => typesOf(app).length > 0);
  if (isTyped || before.some(({ text }) => /^MimeType=/m.test(text))) await updateTypes(menu);
  return apps.map(({ id, name }) => ({ id, name: shownName(name, options), entry: entryPath(menu, id) }));
}

/**
 * Finds apps by id or name, or, if unambiguous, by first words or program. Without `wanted`, all that the container's
 * own menu shows.
 *
 * @throws {UserError} exit code 2 for an app that does not exist or cannot be exported, 1 when there are none at all
 */
export function chooseApps(
  { container, apps, refused }: Apps & { container: string },
  wanted: readonly string[],
): App[] {
  // Skips xpra's own entries: they would start a session within a session.
  const shown = apps.filter(({ isHidden, program }) => !isHidden && !/^xpra/.test(program));
  if (wanted.length === 0) {
    if (shown.length > 0) return shown;
    throw new UserError(`"${container}" has no apps for a menu`, {
      hint: "Install one in it: its package has a file in /usr/share/applications",
    });
  }
  const chosen = wanted.flatMap((word) => {
    const isMeant = (text: string): boolean => text.toLowerCase() === word.toLowerCase();
    const meant = apps.filter(({ id, name }) => isMeant(id) || isMeant(name));
    if (meant.length > 0) return meant;
    const reason = refused.find(({ id }) => isMeant(id))?.reason;
    if (reason !== undefined) throw inputError(`"${word}" of "${container}" ${reason}`, "It cannot be exported");
    // For example, Debian has firefox-esr, and evince is org.gnome.Evince.
    const isBeginning = (text: string): boolean =>
      isMeant(text.slice(0, word.length)) && /^[^a-z0-9]/i.test(text.slice(word.length));
    const begun = shown.filter(({ id, name, program }) => isBeginning(id) || isBeginning(name) || isMeant(program));
    if (begun.length === 1) return begun;
    const names = shown.slice(0, 30).map(({ id, name }) => isMeant(name) || id === name ? id : `${id} (${name})`);
    throw inputError(`There is no app "${word}" in "${container}"`, `There are: ${names.join(", ") || "none"}`);
  });
  return [...new Set(chosen)];
}

/** Warns of apps that belong in a menu but cannot be exported. */
function tellRefused({ ui }: Host, { refused, isCut }: Apps): void {
  const told = refused.filter(({ reason }) => !/terminal|not an application/.test(reason));
  for (const { id, reason } of told.slice(0, 10)) ui.warn(`Not exported: "${id}" ${reason}`);
  if (told.length > 10) ui.warn(`Not exported: ${told.length - 10} more`);
  if (isCut) ui.warn("The container has more entries than are read: some apps may be missing");
}

/** The path of open-in-container beside the running script, or else its name, which a desktop finds on `$PATH`. */
async function findOpener(host: Host): Promise<string> {
  const opener = "open-in-container";
  if (Deno.mainModule.startsWith("file:")) {
    const path = join(dirname(fromFileUrl(Deno.mainModule)), "examples/desktop-files/open-in-container");
    if (await exists(path)) return path;
  }
  if (await findOnPath(host, opener) === undefined) {
    host.ui.warn(`"${opener}" is not on $PATH: until it is, a desktop does not show what is exported`);
  }
  return opener;
}
