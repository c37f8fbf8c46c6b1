/** What a row of the bench is: the same work done in several ways, each giving the same figures. */

import type { PartName } from "../lab/state.ts";

/** The ways in which the same work is done on an X display: the columns of its table, in their order. */
export const ways = {
  original: "the original's sequence",
  plain: "xpra as it comes",
  hand: "by hand",
  mmap: "by hand, mmap",
  ours: "ours",
} as const;

/** A column of the table for an X display. */
export type Way = keyof typeof ways;

/** The ways on a Wayland desktop: the columns of its table, in their order. */
export const waylandWays = {
  native: "native",
  hand: "by hand",
  ours: "ours over Wayland",
  x11: "ours over X",
  plain: "xpra as it comes",
} as const;

/** A column of the table for a Wayland desktop. */
export type WaylandWay = keyof typeof waylandWays;

/** The desktops of today: the columns of their table, in their order. */
export const todayDesktops = { "GNOME Shell": "GNOME Shell", KWin: "KWin", sway: "sway", labwc: "labwc" } as const;

/** A column of the table for desktops of today. */
export type TodayDesktopName = keyof typeof todayDesktops;

/** A figure that a row gives. */
export interface Measure {
  /** What it is, as in the table's first column. */
  name: string;
  /** `s`, `ms`, `frames/s`, `% of a core`, `MB`, `score`. */
  unit: string;
}

/** One row of the bench, or several that are measured in one go. */
export interface Row<Column extends string = Way> {
  measures: readonly Measure[];
  needs: readonly PartName[];
  /** How often each way is tried; the first time is not counted when there is more than one. */
  rounds: number;
  before?(): Promise<void>;
  after?(): Promise<void>;
  /**
   * Does the work once, tidies up, and returns the samples of each measure; none for the last ones that a way has not.
   */
  ways: Partial<Record<Column, () => Promise<(number | readonly number[])[]>>>;
}

/** The samples of one measure in one column. */
export interface Figure extends Measure {
  /** The column. */
  way: string;
  samples: number[];
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share of the numbers lies, between the two nearest. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}
