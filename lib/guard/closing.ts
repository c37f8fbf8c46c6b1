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

/** The windows of a session, by any values that identify them; there are none yet. `now` is a clock in milliseconds. */
export class Closing {
  /** Set when the user ends the session: its apps are to close all windows. */
  isEnding = false;
  readonly #open = new Set<unknown>();
  /** When the app was asked to close each, for the last time. */
  readonly #asked = new Map<unknown, number>();
  #last: WindowsEnd = "none";
  #clickedMs = -Infinity;

  constructor(private readonly now: () => number = () => performance.now()) {}

  open(window: unknown): void {
    this.#open.add(window);
    this.#asked.delete(window);
  }

  /** For the user, the desktop asks the app to close a window. Returns whether it has asked just before, too. */
  ask(window: unknown): boolean {
    if (!this.#open.has(window)) return false;
    const sinceMs = this.now() - (this.#asked.get(window) ?? -Infinity);
    this.#asked.set(window, this.now());
    return sinceMs < insistMs;
  }

  recordClick(): void {
    this.#clickedMs = this.now();
  }

  /** A window is gone. `byApp`: its app has closed it, and runs on. */
  remove(window: unknown, { byApp = false } = {}): void {
    if (!this.#open.delete(window)) return;
    const isClosed = this.#asked.delete(window) || byApp && this.now() - this.#clickedMs < clickMs;
    this.#last = isClosed ? "closed" : "other";
  }

  /** How the windows have ended. Those that are left end with the session. */
  end(): WindowsEnd {
    return this.#open.size === 0 ? this.#last : this.#asked.size === this.#open.size ? "closed" : "other";
  }
}
