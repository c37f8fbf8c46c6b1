/** Whether the user works in the container's windows, going by the keyboard's focus, keys and clicks. */

/**
 * For this long after a key or a click, in milliseconds, the user counts as working in the container's windows without
 * the keyboard there: a click comes before the focus, and what an app copies comes after the keys for it.
 */
const inputMs = 1_000;

/**
 * How long the keyboard may be in none of the windows while it moves from one to another, such as one that wl-copy
 * opens, in milliseconds. The host moves it in one step, which its connections report one by one; in that time nobody
 * copies anything in another window.
 */
const handoverMs = 200;

export interface Attention {
  /** The host gives the keyboard to a framed window, or takes it away with 0. On Wayland, to this many of them. */
  focus(window: number): void;
  /** The window that has the keyboard, or 0. */
  focused(): number;
  /** A key or a button is pressed in one of the windows. */
  recordInput(): void;
  /** Whether the user is there: a window has the keyboard, or there was input just now. */
  isPresent(): boolean;
  /** For how long the user has not been there, in milliseconds. */
  absentMs(): number;
  /**
   * Whether the user works there: there was input since the windows have the keyboard, or just now. That one has it is
   * not enough: some window managers give it to every new window.
   */
  isUsed(): boolean;
}

/**
 * Makes the attention of a session that has just begun.
 *
 * @param now a clock in milliseconds
 * @param isPaused whether nobody counts as working in the windows, whatever was seen; see `outgoing.ts`
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
    recordInput() {
      lastInputMs = now();
    },
    isPresent: () => !isPaused() && (focused !== 0 || isJustUsed()),
    absentMs: () =>
      isPaused() ? Infinity : focused !== 0 ? 0 : Math.max(0, now() - Math.max(blurredMs, lastInputMs + inputMs)),
    isUsed: () => !isPaused() && (isJustUsed() || focused !== 0 && lastInputMs > focusedMs - inputMs),
  };
}
