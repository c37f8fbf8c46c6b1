/**
 * What a container may have on the host's screen and of its memory, on either display. xpra's packets and Wayland's
 * messages are taken apart by different code, which asks for these.
 */

/** A size in pixels. */
export interface Size {
  width: number;
  height: number;
}

/** How many windows there may be at a time. The highest number seen is 150, of as many clocks. */
export const maxWindows = 400;
/** The largest side of a window, in pixels. */
export const maxSide = 16_384;
/** The smallest size of a window: the user could unknowingly type into one that cannot be seen. */
export const minVisible: Size = { width: 48, height: 24 };
/** How many screens all windows may fill together: the display keeps all their pixels, and so does xpra's client. */
export const maxScreenfuls = 32;
/** The largest side of a pointer's picture: a larger one could cover other windows. */
export const maxPointerSide = 256;

/** How many popups there may be: a chain of menus, a tip and what is dragged. */
export const maxPopups = 20;
/** Pixels around a window in which a popup must begin: menus and tips are that near. */
export const popupReach = 48;
/** What popups may cover, as parts of the screen: one of them, and all of them together. */
const maxPopupShares = { one: 0.5, together: 0.75 } as const;
/** Other popups may be near a popup of this size: it may be a menu, and they may be its own. */
export const minMenu: Size = { width: 32, height: 16 };
/** How long after the user has left popups are closed, in milliseconds. */
export const leaveMs = 1_000;

/** The most that passes when something is pasted or dropped, in bytes. */
export const maxDataBytes = 64 * 1024 * 1024;

/** Whether a popup covers too much of each of the screens. */
export function coversTooMuch(popup: Size, screens: readonly Size[]): boolean {
  return screens.every((screen) =>
    popup.width > screen.width || popup.height > screen.height || areaOf(popup) > areaOf(screen) * maxPopupShares.one
  );
}

/** Whether popups together cover too much of the largest of the screens. */
export function coverTooMuch(popups: readonly Size[], screens: readonly Size[]): boolean {
  const covered = popups.reduce((sum, popup) => sum + areaOf(popup), 0);
  return covered > Math.max(...screens.map(areaOf)) * maxPopupShares.together;
}

/** Pixels. */
export function areaOf({ width, height }: Size): number {
  return width * height;
}
