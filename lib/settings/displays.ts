/** The displays of the host's that can show sessions, and what tells them apart outside of their own rooms. */

/**
 * The displays, the best first; `choose_display.ts` loads the room of each. `title`: what users call it; `variable`: what
 * is set in the environment where the desktop has it; `windowsStay`: whether windows live as long as their session, with
 * what they were opened with, and a later run only serves the apps again. Otherwise it shows the session again.
 */
export const displays = {
  wayland: { title: "Wayland", variable: "WAYLAND_DISPLAY", windowsStay: true },
  x11: { title: "X", variable: "DISPLAY", windowsStay: false },
} as const;

/** What shows the windows of a session. */
export type DisplayName = keyof typeof displays;

export const displayNames = Object.keys(displays) as DisplayName[];

/** The display that a word names; undefined for other words. */
export function displayNamed(word: string | undefined): DisplayName | undefined {
  return displayNames.find((name) => name === word);
}
