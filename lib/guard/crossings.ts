/**
 * Which types of data may cross the clipboard, and the count of what does, for the container's history. An app may read
 * the clipboard fifty times a second: so the history gets one line for each direction and half a minute, with the
 * types. The text itself is never looked at.
 */

/**
 * The types of data that pass between the container and the host when somebody copies, pastes or drags, by the names
 * that apps use: text and pictures. The first four are X's, which apps on Wayland use, too. Lists of files
 * (`text/uri-list`, `x-special/gnome-copied-files` and the like) do not pass: pasted or dropped in a file manager they
 * would move or copy files of the host, in an upload field send them away, and to the container they tell paths.
 * Another reason for a closed list is that an X server, also that of a Wayland desktop, never forgets a name.
 */
export const dataTypes: ReadonlySet<string> = new Set([
  ...["UTF8_STRING", "STRING", "TEXT", "COMPOUND_TEXT"],
  ...["plain", "plain;charset=utf-8", "plain;charset=UTF-8", "html", "rtf", "richtext", "csv", "markdown"]
    .map((kind) => `text/${kind}`),
  ...["png", "jpeg", "gif", "bmp", "webp", "tiff"].map((kind) => `image/${kind}`),
]);

/** What has crossed the clipboard in one direction. */
export interface Crossing {
  /** Into the container, or out of it. */
  direction: "in" | "out";
  /** Its type; in a line, all types, separated by commas. */
  type: string;
  /** How often, and how many bytes together. */
  times: number;
  bytes: number;
}

/** The same, and when the first of it has crossed (ISO 8601). */
export type CrossingLine = Crossing & { time: string };

/** How long crossings are added up for one line, in milliseconds. */
const addUpMs = 30_000;

export interface Crossings {
  /** Whether something may cross. The user is told once it may not. */
  mayCross(): boolean;
  /** Counts a crossing; types that are not on the list stay in the container. `times`: 0 for more of the same. */
  add(crossing: Crossing): void;
  /** Reports what was added up for long enough. Called regularly, and at the end for `all`. */
  flush(options?: { all: boolean }): void;
}

/** Lets bytes pass, so many at a time, or not. */
export type Passage = (bytes: number) => boolean;

/** Lets bytes pass and counts them, while that direction is open; none when the history is full. */
export function countedPassage(
  crossings: Crossings,
  { isOpen, ...crossing }: Pick<Crossing, "direction" | "type"> & { isOpen(): boolean },
): Passage {
  if (dataTypes.has(crossing.type) && !crossings.mayCross()) return () => false;
  let times = 1;
  return (bytes) => {
    if (!isOpen()) return false;
    crossings.add({ ...crossing, times, bytes });
    times = 0;
    return true;
  };
}

/** The count where no history is kept. */
export const noCrossings: Crossings = { mayCross: () => true, add() {}, flush() {} };

/**
 * Makes the count of a run that has just begun.
 *
 * @param options `report`: takes a line for the history; `mayReport`: whether there is room for one; `tell`: tells the
 * user; `now`: milliseconds since 1970
 */
export function createCrossings(
  { report, tell, mayReport = () => true, now = Date.now }: {
    report(line: CrossingLine): void;
    tell(text: string): void;
    mayReport?: () => boolean;
    now?: () => number;
  },
): Crossings {
  const waiting = new Map<Crossing["direction"], Omit<Crossing, "type"> & { types: Set<string>; sinceMs: number }>();
  let isClosed = false;
  return {
    mayCross() {
      const wasClosed = isClosed;
      isClosed = !mayReport();
      if (isClosed && !wasClosed) tell("Clipboard closed until the next full hour: its history is full");
      return !isClosed;
    },
    add({ direction, type, times, bytes }) {
      if (!dataTypes.has(type)) return;
      const sum = waiting.get(direction) ?? { direction, types: new Set(), times: 0, bytes: 0, sinceMs: now() };
      sum.types.add(type);
      waiting.set(direction, { ...sum, times: sum.times + times, bytes: sum.bytes + bytes });
    },
    flush({ all } = { all: false }) {
      for (const [key, { sinceMs, types, ...crossing }] of waiting) {
        if (!all && now() - sinceMs < addUpMs) continue;
        waiting.delete(key);
        report({ time: new Date(sinceMs).toISOString(), type: [...types].join(), ...crossing });
      }
    },
  };
}
