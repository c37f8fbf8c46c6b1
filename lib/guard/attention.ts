/** Whether the user works in the container's windows, judged by keyboard focus, keys and clicks. */

/**
 * How long after a key or a click the user counts as working in the container's windows without keyboard focus there,
 * in milliseconds: a click comes before the focus, and an app copies after the keys for that.
 */
const inputMs = 1_000;

/**
 * How long no window may have keyboard focus while that moves between the container's windows, such as to one of
 * wl-copy, in milliseconds. The host moves the focus in one step, which its connections report one by one; nobody
 * copies anything in another window in that time.
 */
const handoverMs = 200;

export interface Attention {
  /** The host gives keyboard focus to a framed window, or with 0 to none. On Wayland: to this many of them. */
  focus(window: number): void;
  /** The window with keyboard focus, or 0. */
  focused(): number;
  /** A key or a button is pressed in one of the windows. */
  recordInput(): void;
  /** Whether the user is there: a window has keyboard focus, or there was input just now. */
  isPresent(): boolean;
  /** For how long the user has not been there, in milliseconds. */
  absentMs(): number;
  /**
   * Whether the user works there: there was input since the windows got keyboard focus, or just now. Focus alone is not
   * enough: some window managers give it to every new window.
   */
  isUsed(): boolean;
}

/**
 * Makes the attention of a session that has just begun.
 *
 * @param now a clock in milliseconds
 * @param isPaused whether nobody counts as working in the windows for now; see `outgoing.ts`
 */
export function createAttention(now: () => number, isPaused = (): boolean => false): Attention {
  let focused = 0;
  let focusedMs = -Infinity;
  let blurredMs = -Infinity;
  let lastInputMs = -Infinity;
  const isJustUsed = (): boolean => now() - lastInputMs < inputMs;
  return {
    focus(window) {
      if (focused === 0 && now() - blurredMs >= handoverMs) focusedMs = now();
      if (focused !== 0 && window === 0) blurredMs = now();
      focused = window;
    },
    focused: () => focused,
    recordInput: () => void (lastInputMs = now()),
    isPresent: () => !isPaused() && (focused !== 0 || isJustUsed()),
    absentMs: () =>
      isPaused() ? Infinity : focused !== 0 ? 0 : Math.max(0, now() - Math.max(blurredMs, lastInputMs + inputMs)),
    isUsed: () => !isPaused() && (isJustUsed() || focused !== 0 && lastInputMs > focusedMs - inputMs),
  };
}
