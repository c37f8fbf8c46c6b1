/**
 * What crosses the clipboard: the types of data that may, and how often they do, added up for the history of the
 * container: an app may read it fifty times a second. All in one direction is one line for half a minute, with its types.
 * The text is never looked at.
 */

/**
 * The types of data that pass between the container and the host when somebody copies, pastes or drags, by the names
 * that apps have for them: text and pictures. The first four are those of X, which apps on Wayland use too. Lists of
 * files (`text/uri-list`, `x-special/gnome-copied-files` and the like) do not: pasted or dropped in a file manager they
 * would move or copy files of the host, in an upload field send them away, and inwards they tell paths. The list is
 * closed also because an X server, and that of a Wayland desktop, never forgets a name.
 */
export const dataTypes: ReadonlySet<string> = new Set([
  ...["UTF8_STRING", "STRING", "TEXT", "COMPOUND_TEXT"],
  ...["plain", "plain;charset=utf-8", "plain;charset=UTF-8", "html", "rtf", "richtext", "csv", "markdown"]
    .map((kind) => `text/${kind}`),
  ...["png", "jpeg", "gif", "bmp", "webp", "tiff"].map((kind) => `image/${kind}`),
]);

/** What has crossed the clipboard one way, as text or pictures. */
export interface Crossing {
  /** Into the container, or out of it. */
  direction: "in" | "out";
  /** Its type; in a line, all of them with commas between. */
  type: string;
  /** How often, and how many bytes together. */
  times: number;
  bytes: number;
}

/** The same, and when the first of it has crossed (ISO 8601). */
export type CrossingLine = Crossing & { time: string };

/** For how long it is added up, in milliseconds. */
const addUpMs = 30_000;

export interface Crossings {
  /** Whether something may cross. Once it may not, the user is told. */
  mayCross(): boolean;
  /** Something crosses: of a type on the list, else it stays in the container. `times`: 0 for more of the same. */
  add(crossing: Crossing): void;
  /** Reports what was added up for long enough. To be called now and then; at the end, `all` of it. */
  flush(options?: { all: boolean }): void;
}

/** No history is kept. */
export const noCrossings: Crossings = { mayCross: () => true, add() {}, flush() {} };

/**
 * Makes the count of a run in which nothing has crossed yet.
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
      const known = waiting.get(direction) ?? { direction, types: new Set(), times: 0, bytes: 0, sinceMs: now() };
      known.types.add(type);
      waiting.set(direction, { ...known, times: known.times + times, bytes: known.bytes + bytes });
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
