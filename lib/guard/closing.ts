/**
 * Who has closed a session's windows. A program whose window is closed may end with any exit status: a terminal's shell
 * is hung up, for example, and that is no failure.
 */

/** How a session's windows have ended: there was none; the user has closed the last one; or it went otherwise. */
export type WindowsEnd = "none" | "closed" | "other";

/**
 * How long after a click in one of the windows, in milliseconds, a window that its app takes away counts as closed by a
 * button of the app's own.
 */
const clickMs = 1_000;

/** Two requests within this time, in milliseconds, close the window at once. */
const insistMs = 3_000;

/** The windows of a session, by whatever tells them apart. */
export interface Closing {
  /** The user ends the session: its apps are to close all windows. */
  isEnding: boolean;
  open(window: unknown): void;
  /** The desktop asks the app to close one, as the user wants it. Returns whether it has done so just before. */
  ask(window: unknown): boolean;
  recordClick(): void;
  /** A window is gone. `byApp`: its app has taken it away, and goes on. */
  remove(window: unknown, options?: { byApp?: boolean }): void;
  /** How they have ended. Those that are still there go with the session. */
  end(): WindowsEnd;
}

/** Makes the record of a session without windows. `now` is a clock in milliseconds. */
export function createClosing(now: () => number = () => performance.now()): Closing {
  const open = new Set<unknown>();
  /** When each was asked for. */
  const asked = new Map<unknown, number>();
  let last: WindowsEnd = "none";
  let clickedMs = -Infinity;
  return {
    isEnding: false,
    open(window) {
      open.add(window);
      asked.delete(window);
    },
    ask(window) {
      if (!open.has(window)) return false;
      const sinceMs = now() - (asked.get(window) ?? -Infinity);
      asked.set(window, now());
      return sinceMs < insistMs;
    },
    recordClick: () => void (clickedMs = now()),
    remove(window, { byApp = false } = {}) {
      if (!open.delete(window)) return;
      last = asked.delete(window) || byApp && now() - clickedMs < clickMs ? "closed" : "other";
    },
    end: () => open.size === 0 ? last : asked.size === open.size ? "closed" : "other",
  };
}
