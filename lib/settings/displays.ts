/** The host's displays that can show sessions, and what the rest of the code needs to know about them. */

/**
 * The displays, the preferred one first; `choose_display.ts` loads the code of each. `title`: its name for users;
 * `variable`: the environment variable that a desktop with this display sets; `windowsStay`: whether windows, and the
 * channels they were opened with, live as long as their session. A later run then serves the apps only, and otherwise
 * shows the session again.
 */
export const displays = {
  wayland: { title: "Wayland", variable: "WAYLAND_DISPLAY", windowsStay: true },
  x11: { title: "X", variable: "DISPLAY", windowsStay: false },
} as const;

/** The display that shows the windows of a session. */
export type DisplayName = keyof typeof displays;

export const displayNames = Object.keys(displays) as DisplayName[];

/** The display that a word names; undefined for other words. */
export function displayNamed(word: string | undefined): DisplayName | undefined {
  return displayNames.find((name) => name === word);
}
