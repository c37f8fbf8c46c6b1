/** What all connections of a session have in common: whether the user works in its windows, and how much it has. */

import { Carrying, type OpenClipboard } from "./carrying.ts";
import type { Size } from "../limits.ts";
import { type Counted, counts } from "./rules.ts";
import { createRates, openingRate, rate, type Rates } from "../rate.ts";
import { Violation } from "../faults.ts";
import { type Attention, createAttention } from "../attention.ts";
import { type Closing, createClosing } from "../closing.ts";
import { type Crossings, dataTypes, noCrossings } from "../crossings.ts";
import { GivenFiles, type LendList } from "./dropped_files.ts";

export interface Border {
  /** As `#rrggbb`. */
  colour: string;
  /** In pixels of the desktop. */
  width: number;
}

/** An app that the user has started. */
export interface StartedApp {
  /** Its name: an X server's window is named after it. */
  app: string;
  /**
   * What the desktop has given the run for a window to come to the front (`$XDG_ACTIVATION_TOKEN`), and until when it
   * may be used, in milliseconds since 1970.
   */
  token?: { text: string; untilMs: number } | undefined;
}

export interface GuardedWindows {
  /** What the container is called in titles. */
  container: string;
  clipboard: OpenClipboard;
  border: Border;
}

/** How many types of data of its own a container may have. */
const maxOwnTypes = 256;

/**
 * Steps that it takes to judge changes of windows with many parts: a window of 20 parts, each of which changes 144
 * times a second, takes 60,000 a second. A million takes less than a second.
 */
const workRate = { perSecond: 200_000, burst: 400_000 };

export interface WaylandSession
  extends GuardedWindows, Required<Pick<WaylandSessionOptions, "closing" | "takeOut" | "now" | "started">> {
  attention: Attention;
  rates: Rates;
  /** What the user carries across a closed clipboard. */
  carrying: Carrying;
  crossings: Crossings;
  /** Takes the files that the user drops on a window, or copies; undefined: none are taken. */
  givenFiles: GivenFiles | undefined;
  /** What was started last when an app named a window of its own, which is no X server's. */
  shownApp?: string;
  /** Called when the guard has something to say to an app by itself: the relay looks once this message is judged. */
  wake(): void;
  /** The popups that are not hidden, by whatever is theirs alone, and how large they are. */
  popups: Map<object, Size>;
  /** The type that names what comes from this container, see {@linkcode WaylandSession.outerType}. */
  dataMark: string;
  /**
   * The host's name for a type of data; that of a type which does not pass now begins with the mark. undefined: there are
   * too many of those, and an X server of the host's may keep each name.
   */
  outerType(type: string): string | undefined;
  /** The type that the host knows by this name; undefined: none of the container's, and none that passes. */
  innerType(type: string): string | undefined;
  /** Tells the user something, once for each text. */
  tell(text: string): void;
  add(what: Counted): void;
  /** Counts one less, or this many. */
  remove(what: Counted, count?: number): void;
  /** The pictures of its surfaces have more pixels, or fewer; `max`: how many they may have together, as a connection knows. */
  addPixels(change: number, max: number): void;
  /** To judge a message of its own took as many steps. */
  addWork(steps: number): void;
}

export interface WaylandSessionOptions extends GuardedWindows {
  /** Tells the user something of the container's, in one line. */
  tell(text: string): void;
  /** A clock in milliseconds. */
  now?: () => number;
  isPaused?: () => boolean;
  closing?: Closing;
  /** What crosses the clipboard. Default: nobody writes that down. */
  crossings?: Crossings | undefined;
  /** Lends what the user drops on a window, or pastes. Default: nothing is lent. */
  lend?: LendList | undefined;
  /** Has files that an app has dragged out come to the downloads, by their list. Default: none do. */
  takeOut?: ((list: string) => void) | undefined;
  /** What was started last. Default: unknown, "". */
  started?: () => StartedApp;
}

export function createWaylandSession(
  {
    tell,
    now = () => performance.now(),
    isPaused,
    closing = createClosing(now),
    crossings = noCrossings,
    lend,
    takeOut,
    started = () => ({ app: "" }),
    ...windows
  }: WaylandSessionOptions,
): WaylandSession {
  const numbers = new Map<Counted, number>();
  const change = (what: Counted, by: number): number => {
    const number = (numbers.get(what) ?? 0) + by;
    numbers.set(what, number);
    return number;
  };
  const told = new Set<string>();
  const ownTypes = new Set<string>();
  const dataMark = `application/x-gui-container.${encodeURIComponent(windows.container)}`;
  const openings = openingRate(now);
  const mayWork = rate(workRate, now);
  let [pixels, maxPixels] = [0, 0];
  return {
    ...windows,
    started,
    closing,
    crossings,
    attention: createAttention(now, isPaused),
    rates: createRates(now),
    carrying: new Carrying(windows.clipboard, now),
    givenFiles: lend && new GivenFiles({
      lend,
      now,
      passText(bytes) {
        if (!windows.clipboard.in || !crossings.mayCross()) return false;
        crossings.add({ direction: "in", type: "text/plain", times: 1, bytes });
        return true;
      },
    }),
    takeOut,
    now,
    wake() {},
    popups: new Map(),
    dataMark,
    outerType(type) {
      if (dataTypes.has(type) && windows.clipboard.out) return type;
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
      // A client that knows no screen, as wl-copy, is no measure for what others show.
      maxPixels = Math.max(maxPixels, max);
      if (change > 0 && pixels > maxPixels) throw new Violation("its pictures fill too many screens");
    },
    addWork(steps) {
      if (!mayWork(steps)) throw new Violation("its windows have too many parts that change too often");
    },
  };
}
