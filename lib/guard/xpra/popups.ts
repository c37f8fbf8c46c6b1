/**
 * Popups: menus, tips and lists have no frame, no title, and are above all other windows. What they may cover is bounded,
 * so that none looks like the host's screen, or like a window far from the container's own.
 */

import { area, type Rectangle, type Size } from "./geometry.ts";

/** How many popups there may be: a chain of menus, a tip and what is dragged. Firefox and LibreOffice have up to three. */
export const maxPopups = 20;
/** Pixels around a window in which a popup must begin: menus and tips are that near. */
const reach = 48;
/** What one popup may cover, as a part of the screen. */
const maxShare = 0.5;
/** What all popups may cover together. */
const maxShareTogether = 0.75;
/** Other popups may be near a popup of this size: it may be a menu, and they may be its own. */
const minMenu: Size = { width: 32, height: 16 };

/** Whether a popup may be in a place. */
export function mayPopUp(
  place: Rectangle,
  { screen, windows, popups }: {
    screen: Size;
    windows: readonly Rectangle[];
    popups: readonly Rectangle[];
  },
): boolean {
  if (area(place) > area(screen) * maxShare) return false;
  if (popups.reduce((sum, popup) => sum + area(popup), area(place)) > area(screen) * maxShareTogether) return false;
  return isNear(place, withMenus(windows, popups));
}

/** The windows with the menus that are near them, or near such a menu: a submenu is where its menu is. */
export function withMenus(windows: readonly Rectangle[], popups: readonly Rectangle[]): Rectangle[] {
  const found = [...windows];
  const left = new Set(
    popups.filter(({ width, height }) => width >= minMenu.width && height >= minMenu.height),
  );
  for (const one of found) {
    for (const menu of left) {
      if (!isNear(menu, [one])) continue;
      left.delete(menu);
      found.push(menu);
    }
  }
  return found;
}

/** Whether it is near one of the others. */
export function isNear(place: Rectangle, others: readonly Rectangle[]): boolean {
  return others.some((other) =>
    place.x <= other.x + other.width + reach && other.x <= place.x + place.width + reach &&
    place.y <= other.y + other.height + reach && other.y <= place.y + place.height + reach
  );
}
