/**
 * Types of data: what passes between the container and the host when somebody copies, pastes or drags. Text and
 * pictures do. Lists of files (`text/uri-list`, `x-special/gnome-copied-files` and the like) do not: pasted or dropped
 * in a file manager they would move or copy files of the host, in an upload field send them away, and inwards they tell
 * paths. The list is closed also because an X server, and that of a Wayland desktop, never forgets a name.
 */

/** The types that pass, by the names that apps have for them. The first four are those of X, which apps on Wayland use too. */
export const dataTypes: ReadonlySet<string> = new Set([
  ...["UTF8_STRING", "STRING", "TEXT", "COMPOUND_TEXT"],
  ...["plain", "plain;charset=utf-8", "plain;charset=UTF-8", "html", "rtf", "richtext", "csv", "markdown"]
    .map((kind) => `text/${kind}`),
  ...["png", "jpeg", "gif", "bmp", "webp", "tiff"].map((kind) => `image/${kind}`),
]);
