/** The menu of an icon in the host's tray: what a panel gets to draw, and what a click there means. */

import { shortLine } from "../../base/text.ts";
import type { MenuEntry } from "./requests.ts";

export interface Menu {
  /** As tray.py takes them. */
  shown: readonly unknown[];
  /** The app's entries, by the panel's ids. */
  entries: ReadonlyMap<number, MenuEntry>;
  /** The panel's ids, by the app's id and label. */
  ids: ReadonlyMap<string, number>;
  lastId: number;
}

const maxLabel = 60;

/** The menu of an icon before its app has said what is in it: it says whose icon that is. */
export function emptyMenu(container: string): Menu {
  const title = { ...shownItem(`[${container}]`), id: 1, enabled: false };
  return { shown: [title, { id: 2, separator: true }], entries: new Map(), ids: new Map(), lastId: 2 };
}

/**
 * The next menu. An item keeps its id as long as the app has it under the same id and label, and no other item ever
 * gets that id: a panel may still show the old menu.
 */
export function nextMenu({ shown, ids, lastId }: Menu, given: readonly MenuEntry[]): Menu {
  const next = { entries: new Map<number, MenuEntry>(), ids: new Map<string, number>(), lastId };
  const add = (entry: MenuEntry): unknown[] => {
    const key = `${entry.id} ${entry.label ?? ""}`;
    if (next.ids.has(key)) return [];
    const id = ids.get(key) ?? ++next.lastId;
    next.ids.set(key, id);
    next.entries.set(id, entry);
    if (entry.label === undefined) return [{ id, separator: true }];
    const { enabled, toggle, on, menu } = entry;
    return [{ ...shownItem(withoutMnemonic(entry.label)), id, enabled, toggle, on, menu: menu.flatMap(add) }];
  };
  const added = given.flatMap(add);
  return { ...next, shown: [...shown.slice(0, 2), ...added] };
}

/** One line without anything that a panel takes for markup. */
export function withoutMarkup(text: string, max: number): string {
  const alike: Readonly<Record<string, string>> = { "<": "‹", ">": "›", "&": "＆" };
  return shortLine(text, max).replace(/[<>&]/g, (character) => alike[character]!);
}

function shownItem(label: string): Record<string, unknown> {
  // An underscore makes the next letter a mnemonic.
  return { label: withoutMarkup(label, maxLabel).replaceAll("_", "__"), toggle: "", on: false, menu: [] };
}

function withoutMnemonic(label: string): string {
  return label.replace(/_(_?)/g, "$1");
}
