/**
 * Popups: menus, tips and lists have no frame, no title, and are above all other windows. What they may cover is
 * bounded, so that none looks like the host's screen, or like a window far from the container's own.
 */

import { coversTooMuch, coverTooMuch, minMenu, popupReach } from "../limits.ts";
import type { Rectangle, Screen } from "./geometry.ts";

export function mayPopUp(
  place: Rectangle,
  { screen, windows, popups }: {
    screen: Screen;
    windows: readonly Rectangle[];
    popups: readonly Rectangle[];
  },
): boolean {
  const screens = screen.monitors.length > 0 ? screen.monitors : [screen];
  return !coversTooMuch(place, screens) && !coverTooMuch([place, ...popups], screens) &&
    isNear(place, withMenus(windows, popups));
}

/** The windows with the menus that are near them, or near such a menu: a submenu is where its menu is. */
export function withMenus(windows: readonly Rectangle[], popups: readonly Rectangle[]): Rectangle[] {
  const found = [...windows];
  const left = new Set(popups.filter(({ width, height }) => width >= minMenu.width && height >= minMenu.height));
  for (const one of found) {
    for (const menu of left) {
      if (!isNear(menu, [one])) continue;
      left.delete(menu);
      found.push(menu);
    }
  }
  return found;
}

export function isNear(place: Rectangle, others: readonly Rectangle[]): boolean {
  return others.some((other) =>
    place.x <= other.x + other.width + popupReach && other.x <= place.x + place.width + popupReach &&
    place.y <= other.y + other.height + popupReach && other.y <= place.y + place.height + popupReach
  );
}
