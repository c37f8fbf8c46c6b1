/** Where on the host's screen windows and popups may be, and how large. */

import { coversTooMuch, coverTooMuch, maxSide, minMenu, minVisible, popupReach, type Size } from "../limits.ts";
import { integer, type Shape } from "./shapes.ts";

/** A rectangle on the host's screen, in pixels. */
export interface Rectangle extends Size {
  /** Of its left edge. */
  x: number;
  /** Of its upper edge. */
  y: number;
}

export interface Screen extends Size {
  /** Its monitors; empty when unknown. If their heights differ, parts of the screen are on none of them. */
  monitors: readonly Rectangle[];
}

/** A window's number: xpra's server counts from 1, or takes the X server's own numbers. */
export const windowNumber: Shape<number> = integer(1, 2 ** 48 - 1);
/** A coordinate of 16 bits, as X has them. */
export const coordinate: Shape<number> = integer(-0x8000, 0x7fff);
/** A width or height that a window can have. */
export const side: Shape<number> = integer(1, maxSide);

/**
 * The least distance of a framed window's content from the upper edge of the screen, in pixels: xpra's client (6.5.5)
 * puts the frame with the title above the content.
 */
const titleHeight = 40;

export function isOnScreen({ x, y, width, height }: Rectangle, screen: Size): boolean {
  return x < screen.width && y < screen.height && x + width > 0 && y + height > 0;
}

/** The place of a popup: the nearest one to the wanted place that is wholly on the screen. */
export function placePopup(wanted: Rectangle, screen: Size): Rectangle {
  return moveInside(wanted, { outer: { x: 0, y: 0, ...screen }, top: 0, min: { width: 1, height: 1 } });
}

/**
 * The place of a framed window: the nearest one to the wanted place that is wholly on the screen. Its title is on the
 * host's monitors, so that the user can reach it.
 */
export function placeFramed(wanted: Rectangle, { monitors, ...size }: Screen): Rectangle {
  const framed = { top: titleHeight, min: minVisible };
  const place = moveInside(wanted, { outer: { x: 0, y: 0, ...size }, ...framed });
  if (monitors.length === 0 || isTitleSeen(place, monitors)) return place;
  const distance = ({ x, y }: Rectangle): number => Math.abs(x - place.x) + Math.abs(y - place.y);
  return monitors.map((monitor) => moveInside(place, { outer: monitor, ...framed }))
    .reduce((nearest, each) => distance(each) < distance(nearest) ? each : nearest);
}

function moveInside(wanted: Rectangle, { outer, top, min }: { outer: Rectangle; top: number; min: Size }): Rectangle {
  const width = Math.max(min.width, Math.min(wanted.width, outer.width));
  const height = Math.max(min.height, Math.min(wanted.height, outer.height));
  const x = Math.max(outer.x, Math.min(wanted.x, outer.x + outer.width - width));
  const y = Math.max(outer.y + top, Math.min(wanted.y, outer.y + outer.height - height));
  return { x, y, width, height };
}

/** Whether the whole title and the first lines below it are on monitors. */
function isTitleSeen({ x, y, width }: Rectangle, monitors: readonly Rectangle[]): boolean {
  let seenTo = x;
  for (const monitor of monitors.toSorted((a, b) => a.x - b.x)) {
    const hasRows = monitor.y <= y - titleHeight && y + minVisible.height <= monitor.y + monitor.height;
    if (hasRows && monitor.x <= seenTo) seenTo = Math.max(seenTo, monitor.x + monitor.width);
  }
  return seenTo >= x + width;
}

/**
 * Whether a popup may be at a place. Menus, tooltips and lists have neither frame nor title, and are above all other
 * windows. They may cover only so much that none looks like the host's screen, or like a window of another program.
 */
export function mayPopUp(
  place: Rectangle,
  { screen, windows, popups }: { screen: Screen; windows: readonly Rectangle[]; popups: readonly Rectangle[] },
): boolean {
  const screens = screen.monitors.length > 0 ? screen.monitors : [screen];
  return !coversTooMuch(place, screens) && !coverTooMuch([place, ...popups], screens) &&
    isNear(place, withMenus(windows, popups));
}

/** The windows, the menus near them, and the submenus near these menus. */
export function withMenus(windows: readonly Rectangle[], popups: readonly Rectangle[]): Rectangle[] {
  const near = [...windows];
  const left = new Set(popups.filter(({ width, height }) => width >= minMenu.width && height >= minMenu.height));
  for (const one of near) {
    for (const menu of left) {
      if (!isNear(menu, [one])) continue;
      left.delete(menu);
      near.push(menu);
    }
  }
  return near;
}

export function isNear(place: Rectangle, others: readonly Rectangle[]): boolean {
  return others.some((other) =>
    place.x <= other.x + other.width + popupReach && other.x <= place.x + place.width + popupReach &&
    place.y <= other.y + other.height + popupReach && other.y <= place.y + place.height + popupReach
  );
}
