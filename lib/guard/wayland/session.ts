/** What all connections of a session have in common: whether the user works in its windows, and how much it has. */

import { type Border, borderFor } from "./border.ts";
import { rate } from "../rate.ts";
import { Violation } from "../faults.ts";
import { inputMs } from "../xpra/attention.ts";

/** The directions of the clipboard that are open. */
export interface OpenClipboard {
  /** From the host to the container. */
  in: boolean;
  /** From the container to the host. */
  out: boolean;
}

/** What a container may have at a time. */
const countLimits: Readonly<Record<Counted, number>> = {
  toplevel: 400,
  popup: 20,
  surface: 4_000,
  subsurface: 2_000,
  // Firefox has about 300.
  object: 100_000,
};

/** What is counted. */
export type Counted = "toplevel" | "popup" | "surface" | "subsurface" | "object";

/** So long after the user has left, in milliseconds, popups are closed. */
const leaveMs = 1_000;

/** A session. */
export interface WaylandSession {
  /** What the container is called in titles. */
  container: string;
  /** The directions that are open. */
  clipboard: OpenClipboard;
  /** What the borders of its windows look like. */
  border: Border;
  /** A clock in milliseconds. */
  now(): number;
  /** Tells the user something, once for each text. */
  tell(text: string): void;
  /** Counts one more. */
  add(what: Counted): void;
  /** Counts one less, or so many. */
  remove(what: Counted, count?: number): void;
  /** The pictures of its surfaces have more pixels, or fewer; `max`: how many they may have together. */
  addPixels(change: number, max: number): void;
  /** A window gets the keyboard, or loses it. */
  focus(step: 1 | -1): void;
  /** A key or a button is pressed in a window, or a finger put there. */
  used(): void;
  /** Whether a window has the keyboard, or had a key or a click just now. */
  isThere(): boolean;
  /** Whether that was so for the last time more than a second ago. */
  hasLeft(): boolean;
  /**
   * Whether the user works in the windows: has pressed a key or a button there since one of them has the keyboard, or
   * just now. That one has it is not enough: some compositors give it to every new window.
   */
  isUsed(): boolean;
}

/** A session that has just begun. */
export function createWaylandSession(
  { container, clipboard, border = borderFor(container), tell, now = () => performance.now() }: {
    container: string;
    clipboard: OpenClipboard;
    border?: Border | undefined;
    tell(text: string): void;
    now?: () => number;
  },
): WaylandSession {
  const counts: Record<Counted, number> = { toplevel: 0, popup: 0, surface: 0, subsurface: 0, object: 0 };
  const told = new Set<string>();
  const openings = rate({ perSecond: 30, burst: 200 }, now);
  let pixels = 0;
  let focused = 0;
  let focusedMs = -Infinity;
  let usedMs = -Infinity;
  let blurredMs = -Infinity;
  const isJustUsed = (): boolean => now() - usedMs < inputMs;
  return {
    container,
    clipboard,
    border,
    now,
    tell(text) {
      if (told.has(text) || told.size >= 64) return;
      told.add(text);
      tell(text);
    },
    add(what) {
      if (++counts[what] > countLimits[what]) throw new Violation(`it has more than ${countLimits[what]} ${what}s`);
      if ((what === "toplevel" || what === "popup") && !openings()) throw new Violation("it opens windows too fast");
    },
    remove: (what, count = 1) => void (counts[what] -= count),
    addPixels(change, max) {
      pixels += change;
      if (change > 0 && pixels > max) throw new Violation("its pictures fill too many screens");
    },
    focus(step) {
      if (step === 1 && focused === 0) focusedMs = now();
      focused = Math.max(0, focused + step);
      if (focused === 0) blurredMs = now();
    },
    used: () => void (usedMs = now()),
    isThere: () => focused > 0 || isJustUsed(),
    hasLeft: () => focused === 0 && now() - Math.max(blurredMs, usedMs + inputMs) > leaveMs,
    isUsed: () => isJustUsed() || focused > 0 && usedMs > focusedMs - inputMs,
  };
}
