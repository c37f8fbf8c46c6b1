/** The state that all connections of a session share: the user's presence in its windows, and its counts. */

import { Carrying, type OpenClipboard } from "./carrying.ts";
import type { Size } from "../limits.ts";
import { type Counted, counts } from "./rules.ts";
import { createRates, openingRate, rate, type Rates } from "../rate.ts";
import { Violation } from "../faults.ts";
import { type Attention, createAttention } from "../attention.ts";
import { Closing } from "../closing.ts";
import { type Crossings, dataTypes, noCrossings } from "../crossings.ts";
import { GivenFiles, type LendList } from "./dropped_files.ts";

export interface Border {
  /** As `#rrggbb`. */
  colour: string;
  /** In desktop pixels. */
  width: number;
}

/** The app that the user has started. */
export interface StartedApp {
  /** Its name, after which the guard names an X server's window. */
  app: string;
  /**
   * The desktop's activation token for the run (`$XDG_ACTIVATION_TOKEN`), and until when it may be used, in
   * milliseconds since 1970.
   */
  token?: { text: string; untilMs: number } | undefined;
}

export interface GuardedWindows {
  /** The container's name in titles. */
  container: string;
  clipboard: OpenClipboard;
  border: Border;
}

/** How many prefixed types of data a container may have. */
const maxOwnTypes = 256;

/**
 * The rate of steps in judging windows with many subsurfaces: a window with 20, each of which changes 144 times a
 * second, takes 60,000 steps a second. A million take less than a second.
 */
const workRate = { perSecond: 200_000, burst: 400_000 };

export interface WaylandSession
  extends GuardedWindows, Required<Pick<WaylandSessionOptions, "closing" | "takeOut" | "now" | "started">> {
  attention: Attention;
  rates: Rates;
  /** The texts that the user carries across a closed clipboard. */
  carrying: Carrying;
  crossings: Crossings;
  /** Lends the files that the user drops on a window, or pastes; undefined: none are lent. */
  givenFiles: GivenFiles | undefined;
  /** The app that was started last when a window got an app id other than an X server's. */
  shownApp?: string;
  /** Called when the guard has messages of its own: the relay takes them once the current message is judged. */
  wake(): void;
  /** The sizes of the popups that are shown, by their surfaces. */
  popups: Map<object, Size>;
  /** The type that marks this container's data, see {@linkcode WaylandSession.outerType}. */
  dataMark: string;
  /**
   * The host's name for a type of data: prefixed with the mark if the type does not pass now. undefined: there are too
   * many of these; an X server of the host may store each name.
   */
  outerType(type: string): string | undefined;
  /** The container's name for a type of the host; undefined: it neither comes from this container nor passes. */
  innerType(type: string): string | undefined;
  /** Shows the user a message, each text once. */
  tell(text: string): void;
  add(what: Counted): void;
  /** Decreases a count by one, or by this number. */
  remove(what: Counted, count?: number): void;
  /** Changes the number of pixels of all pictures; `max`: their maximum, as a connection knows it. */
  addPixels(change: number, max: number): void;
  /** Counts steps in judging the container's messages. */
  addWork(steps: number): void;
}

export interface WaylandSessionOptions extends GuardedWindows {
  /** Shows the user a message in one line. */
  tell(text: string): void;
  /** A clock in milliseconds. */
  now?: () => number;
  isPaused?: () => boolean;
  closing?: Closing;
  /** Records what crosses the clipboard. Default: nothing is recorded. */
  crossings?: Crossings | undefined;
  /** Lends the files that the user drops on a window, or pastes. Default: none are lent. */
  lend?: LendList | undefined;
  /** Puts files that an app has dragged out, by their list, into the user's downloads. Default: none are taken. */
  takeOut?: ((list: string) => void) | undefined;
  /** The app that was started last. Default: unknown, "". */
  started?: StartedApp;
}

export function createWaylandSession(options: WaylandSessionOptions): WaylandSession {
  const { tell, now = () => performance.now(), isPaused, crossings = noCrossings, lend, takeOut, ...given } = options;
  const { container, clipboard } = given;
  const numbers = new Map<Counted, number>();
  const change = (what: Counted, by: number): number => {
    const number = (numbers.get(what) ?? 0) + by;
    numbers.set(what, number);
    return number;
  };
  const told = new Set<string>();
  const ownTypes = new Set<string>();
  const dataMark = `application/x-gui-container.${encodeURIComponent(container)}`;
  const openings = rate(openingRate, now);
  const mayWork = rate(workRate, now);
  let [pixels, maxPixels] = [0, 0];
  return {
    started: { app: "" },
    closing: new Closing(now),
    ...given,
    crossings,
    takeOut,
    now,
    attention: createAttention(now, isPaused),
    rates: createRates(now),
    carrying: new Carrying(clipboard, now),
    givenFiles: lend && new GivenFiles({ lend, clipboard, crossings, now }),
    wake() {},
    popups: new Map(),
    dataMark,
    outerType(type) {
      if (dataTypes.has(type) && clipboard.out) return type;
      if (!ownTypes.has(type) && ownTypes.size >= maxOwnTypes) return undefined;
      ownTypes.add(type);
      return `${dataMark};${type}`;
    },
    innerType(type) {
      if (dataTypes.has(type)) return type;
      return type.startsWith(`${dataMark};`) ? type.slice(dataMark.length + 1) : undefined;
    },
    tell(text) {
      if (told.has(text) || told.size >= 64) return;
      told.add(text);
      tell(text);
    },
    add(what) {
      const { max } = counts[what];
      if (change(what, 1) > max) throw new Violation(`it has more than ${max} ${what}s`);
      if ((what === "toplevel" || what === "popup") && !openings()) throw new Violation("it opens windows too fast");
    },
    remove: (what, count = 1) => void change(what, -count),
    addPixels(change, max) {
      pixels += change;
      // A client without screens, such as wl-copy, must not lower the maximum for others.
      maxPixels = Math.max(maxPixels, max);
      if (change > 0 && pixels > maxPixels) throw new Violation("its pictures fill too many screens");
    },
    addWork(steps) {
      if (!mayWork(steps)) throw new Violation("the subsurfaces of its windows change too often");
    },
  };
}
