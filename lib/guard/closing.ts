/**
 * Records who has closed a session's windows. A program may end with any exit status when the user closes its window,
 * as a terminal's shell does by SIGHUP, and that is no failure.
 */

/** How a session's windows have ended: there was none; the user has closed the last one; or it ended otherwise. */
export type WindowsEnd = "none" | "closed" | "other";

/**
 * How long after a click in one of the windows a window that its app closes counts as closed by a button of that app,
 * in milliseconds.
 */
const clickMs = 1_000;

/** The time within which two requests close a window at once, in milliseconds. */
const insistMs = 3_000;

/** The windows of a session, by any values that identify them. */
export interface Closing {
  /** Set when the user ends the session: its apps are to close all windows. */
  isEnding: boolean;
  open(window: unknown): void;
  /** For the user, the desktop asks the app to close a window. Returns whether it has asked just before, too. */
  ask(window: unknown): boolean;
  recordClick(): void;
  /** A window is gone. `byApp`: its app has closed it, and runs on. */
  remove(window: unknown, options?: { byApp?: boolean }): void;
  /** How the windows have ended. Those that are left end with the session. */
  end(): WindowsEnd;
}

/** Makes the record of a session without windows. `now` is a clock in milliseconds. */
export function createClosing(now: () => number = () => performance.now()): Closing {
  const open = new Set<unknown>();
  /** When the app was asked to close each, for the last time. */
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
