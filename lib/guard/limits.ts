/** How much of the host's screen and memory a container may use. The guards of xpra and Wayland share these limits. */

/** A size in pixels. */
export interface Size {
  width: number;
  height: number;
}

/** How many windows there may be at a time. The highest number seen is 150. */
export const maxWindows = 400;
/** The largest side of a window, in pixels. */
export const maxSide = 16_384;
/** The smallest size of a window: the user could unknowingly type into one that cannot be seen. */
export const minVisible: Size = { width: 48, height: 24 };
/** How many screens all windows may fill together: the display and xpra's client keep all their pixels in memory. */
export const maxScreenfuls = 32;
/** The largest side of a pointer's picture: a larger one could cover other windows. */
export const maxPointerSide = 256;

/** How many popups there may be: a chain of menus, a tooltip and a dragged icon. */
export const maxPopups = 20;
/** How far from a window a popup may begin, in pixels: menus and tooltips are that near. */
export const popupReach = 48;
/** What share of the screen popups may cover: one of them, and all of them together. */
const maxPopupShares = { one: 0.5, together: 0.75 } as const;
/** The smallest popup that counts as a menu, near which its submenus may open. */
export const minMenu: Size = { width: 32, height: 16 };
/** How long after the user has left the windows popups are closed, in milliseconds. */
export const leaveMs = 1_000;

/** The most data that may be pasted or dropped, in bytes. */
export const maxDataBytes = 64 * 1024 * 1024;

/** Whether a popup covers too much of every screen. */
export function coversTooMuch(popup: Size, screens: readonly Size[]): boolean {
  return screens.every((screen) =>
    popup.width > screen.width || popup.height > screen.height || areaOf(popup) > areaOf(screen) * maxPopupShares.one
  );
}

/** Whether popups together cover too much of the largest screen. */
export function coverTooMuch(popups: readonly Size[], screens: readonly Size[]): boolean {
  const covered = popups.reduce((sum, popup) => sum + areaOf(popup), 0);
  return covered > Math.max(...screens.map(areaOf)) * maxPopupShares.together;
}

/** In pixels. */
export function areaOf({ width, height }: Size): number {
  return width * height;
}
