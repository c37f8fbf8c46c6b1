/**
 * Windows: which ones the container has, where they are, which one has the keyboard, and what the container may say of
 * them to the host's window manager.
 */

import { Refusal } from "./faults.ts";
import { rate } from "./rate.ts";
import type { Dict, Value } from "./rencode.ts";
import { fields, flag, integer, line, list, printable, type Shape, tuple, word } from "./shapes.ts";

/** A size in pixels. */
export interface Size {
  /** At least 1. */
  width: number;
  /** At least 1. */
  height: number;
}

/** A rectangle on the host's screen, in pixels. */
export interface Rectangle extends Size {
  /** Of its left edge. */
  x: number;
  /** Of its upper edge. */
  y: number;
}

/** Largest width and height of a window, in pixels. */
export const largestSide = 16_384;
/** A window's number: xpra's server counts from 1, or takes the X server's own numbers. */
export const windowNumber: Shape<number> = integer(1, 2 ** 48 - 1);
/** A coordinate of 16 bits, as X has them. */
export const coordinate: Shape<number> = integer(-0x8000, 0x7fff);
/** A width or height that a window can have. */
export const side: Shape<number> = integer(1, largestSide);

/** Most windows at a time, popups included. */
const mostWindows = 400;
/**
 * How many screens all framed windows may fill together: xpra's client keeps all their pixels, and so does the display.
 */
const framesShare = 32;
/** Pixels around a window in which a popup must begin: menus and tips are that near. */
const popupReach = 48;
/** What one popup may cover at most, as a part of the screen. */
const popupShare = 0.5;
/** What all popups may cover together. */
const popupsShare = 0.75;
/** Popups of up to so many pixels may be anywhere: browsers keep some of one pixel. */
const harmlessArea = 16;
/** Most other popups at a time. */
const mostPopups = 100;
/** Other popups may be near a popup of this size: it may be a menu, and they may be its own. */
const leastMenu = { width: 32, height: 16 };
/** How much of a framed window must stay visible: the user could unknowingly type into one that is out of sight. */
const leastSeen = { width: 48, height: 24 };
/** The screen until the client tells it. */
const smallestScreen = { width: 1024, height: 768 };

const mostTitleCharacters = 400;

/** The windows of a session, as the guard sees them. */
export interface Windows {
  /** Takes the size of the host's screen. */
  setScreen(width: number, height: number): void;
  /**
   * A new window, framed by the host's window manager, or a popup, which is not.
   *
   * @returns where it may be, and its description with what may pass
   * @throws {Refusal} when it may not be shown
   */
  open(
    window: number,
    place: Rectangle,
    description: Value,
    options: { popup: boolean },
  ): { place: Rectangle; description: Dict };
  /** A new icon in the tray. Throws as {@linkcode Windows.open}. */
  openTray(window: number): void;
  /**
   * A window moves by the container's will.
   *
   * @returns where it may be
   * @throws {Refusal} when it may not be there
   */
  move(window: number, place: Rectangle): Rectangle;
  /** A window's description changes. Throws a refusal when nothing is left of it. */
  describe(window: number, description: Value): Dict;
  /** The container takes a window away. */
  close(window: number): void;
  /** The host shows a framed window here. */
  shown(window: number, place: Rectangle): void;
  /** The host has hidden a framed window. */
  hidden(window: number): void;
  /** Whether there is such a window. */
  has(window: number): boolean;
  /** Where a window is, as far as it is known. */
  place(window: number): Rectangle | undefined;
  /** The host gives the keyboard to a window, or takes it away with 0. */
  focus(window: number): void;
  /** The window that has the keyboard, or 0. */
  focused(): number;
  /** Popups that are near no shown window any more, and are to be closed. They are forgotten. */
  takeStrays(): number[];
}

interface Known {
  kind: "framed" | "popup" | "tray";
  place: Rectangle;
  /** The largest width and height that the container has ever asked for. Popups have a bound of their own. */
  asked: Size;
  /** A framed window: the host shows it. */
  isShown: boolean;
}

/** What the windows of a container may be. */
export interface WindowsOptions {
  /** The container's name. */
  container: string;
  /** A clock in milliseconds. */
  now: () => number;
}

/** Keeps the windows of a container. */
export function windowsOf({ container, now }: WindowsOptions): Windows {
  const known = new Map<number, Known>();
  const openings = rate({ perSecond: 30, burst: 200 }, now);
  let screen = smallestScreen;
  let focused = 0;
  const common = descriptionShapes(container, (window) => known.has(window));
  const ofClass: Shape = (value) => classOf(container, line(80)(value));
  const framedShape = fields({
    ...common,
    ...framedOnly,
    // Not for popups: xpra's client grabs the keyboard for those of some classes (6.5.5: "sun-awt-X11…").
    "class-instance": tuple(ofClass, ofClass),
  });
  const popupShape = fields({ ...common, "window-type": list(word(popupTypes), 8), "has-alpha": flag });

  const popups = (): [number, Rectangle][] =>
    [...known].filter(([, { kind, place }]) => kind === "popup" && area(place) > harmlessArea)
      .map(([number, { place }]) => [number, place]);
  const shownFrames = (): Rectangle[] =>
    [...known.values()].filter(({ kind, isShown }) => kind === "framed" && isShown).map(({ place }) => place);
  const checkPopup = (number: number, place: Rectangle): void => {
    const others = popups().filter(([other]) => other !== number).map(([, place]) => place);
    if (others.length >= mostPopups && area(place) > harmlessArea) throw new Refusal("there are too many popups");
    if (!mayPopUp(place, { screen, windows: shownFrames(), popups: others })) {
      throw new Refusal("a popup is far from the container's windows, or covers too much of the screen");
    }
  };
  /**
   * Checks sizes that the container asks for. Until the host tells what a window has got, it may have any of them.
   *
   * @returns the largest width and height that it has asked for so far
   */
  const ask = (number: number, sizes: readonly Size[]): Size => {
    const window = known.get(number);
    const before = window?.asked ?? { width: 0, height: 0 };
    const asked = {
      width: Math.max(before.width, ...sizes.map(({ width }) => width)),
      height: Math.max(before.height, ...sizes.map(({ height }) => height)),
    };
    if (area(asked) === area(before)) return before;
    const others = [...known].filter(([other, { kind }]) => kind !== "popup" && other !== number);
    const pixels = others.reduce((sum, [, { place, asked }]) => sum + Math.max(area(place), area(asked)), area(asked));
    if (pixels > area(screen) * framesShare) throw new Refusal("the container's windows are too large");
    return asked;
  };
  const add = (number: number, window: Known): void => {
    if (known.has(number)) throw new Refusal("a window is opened twice");
    if (known.size >= mostWindows || !openings()) throw new Refusal("there are too many windows");
    known.set(number, window);
  };
  const named = (description: Dict): Dict => {
    // Without a title xpra's client makes one up that does not name the container.
    if (!description.has("title")) description.set("title", titleOf(container, ""));
    return description;
  };
  const onlyWithFocus = (description: Dict): Dict => {
    // Nothing covers the whole screen while the user works elsewhere.
    if (description.get("fullscreen") === true && focused === 0) description.delete("fullscreen");
    return description;
  };

  return {
    setScreen(width, height) {
      screen = { width, height };
    },
    open(number, place, description, { popup }) {
      if (popup) {
        const passed = named(popupShape(description));
        if (!known.has(number)) checkPopup(number, place);
        add(number, { kind: "popup", place, asked: place, isShown: true });
        return { place, description: passed };
      }
      const passed = onlyWithFocus(named(framedShape(description)));
      const seen = inSight(place, screen);
      if (!passed.has("window-type")) passed.set("window-type", ["NORMAL"]);
      if (passed.has("requested-position")) passed.set("requested-position", [seen.x, seen.y]);
      const asked = ask(number, [seen, ...sizesIn(passed, screen)]);
      add(number, { kind: "framed", place: seen, asked, isShown: false });
      return { place: seen, description: passed };
    },
    openTray(number) {
      const place = { x: 0, y: 0, width: 1, height: 1 };
      add(number, { kind: "tray", place, asked: place, isShown: true });
    },
    move(number, place) {
      const window = known.get(number);
      if (!window) throw new Refusal("there is no such window");
      if (window.kind !== "popup") {
        // The host reports where a framed window really is: its window manager may decide otherwise.
        const seen = inSight(place, screen);
        window.asked = ask(number, [seen]);
        return seen;
      }
      checkPopup(number, place);
      window.place = place;
      return place;
    },
    describe(number, description) {
      const window = known.get(number);
      if (!window) throw new Refusal("there is no such window");
      if (window.kind === "popup") return popupShape(description);
      const passed = onlyWithFocus(framedShape(description));
      window.asked = ask(number, sizesIn(passed, screen));
      return passed;
    },
    close(number) {
      known.delete(number);
      if (focused === number) focused = 0;
    },
    shown(number, place) {
      const window = known.get(number);
      if (window?.kind !== "framed") return;
      window.place = place;
      window.isShown = true;
    },
    hidden(number) {
      const window = known.get(number);
      if (window?.kind === "framed") window.isShown = false;
    },
    has: (number) => known.has(number),
    place: (number) => known.get(number)?.place,
    focus(number) {
      focused = known.has(number) ? number : 0;
    },
    focused: () => focused,
    takeStrays() {
      const all = popups();
      const near = withMenus(shownFrames(), all.map(([, place]) => place));
      const strays = all.filter(([, place]) => !isNear(place, near)).map(([number]) => number);
      for (const number of strays) known.delete(number);
      return strays;
    },
  };
}

/**
 * Whether a popup may be in a place. Menus, tips and lists have no frame, no title, and are above all other windows:
 * what they may cover is bounded, so that none looks like the host's screen or like a window far from the container's
 * own.
 */
export function mayPopUp(
  place: Rectangle,
  { screen, windows, popups }: {
    screen: Size;
    windows: readonly Rectangle[];
    popups: readonly Rectangle[];
  },
): boolean {
  if (area(place) <= harmlessArea) return true;
  const whole = screen.width * screen.height;
  if (area(place) > whole * popupShare) return false;
  if (popups.reduce((sum, popup) => sum + area(popup), area(place)) > whole * popupsShare) return false;
  return isNear(place, withMenus(windows, popups));
}

/** The windows with the menus that are near them, or near such a menu: a submenu is where its menu is. */
function withMenus(windows: readonly Rectangle[], popups: readonly Rectangle[]): Rectangle[] {
  const found = [...windows];
  const left = new Set(
    popups.filter(({ width, height }) => width >= leastMenu.width && height >= leastMenu.height),
  );
  for (const one of found) {
    for (const menu of left) {
      if (!isNear(menu, [one])) continue;
      left.delete(menu);
      found.push(menu);
    }
  }
  return found;
}

/**
 * The place for a framed window that is nearest to the one that it wants, large enough and far enough on the screen to
 * be seen.
 */
function inSight(place: Rectangle, screen: Size): Rectangle {
  const width = Math.max(leastSeen.width, place.width);
  const height = Math.max(leastSeen.height, place.height);
  const x = Math.max(leastSeen.width - width, Math.min(place.x, screen.width - leastSeen.width));
  // Its title is above: it must not be out of reach.
  const y = Math.max(0, Math.min(place.y, screen.height - leastSeen.height));
  return { x, y, width, height };
}

/** The sizes that a framed window may get by its description. */
function sizesIn(description: Dict, screen: Size): Size[] {
  const isWhole = ["maximized", "fullscreen"].some((state) => description.get(state) === true);
  const constraints = description.get("size-constraints");
  // Where there is no smallest size, window managers take the one to which whole rows and columns are added.
  const least = ["minimum-size", "base-size"].map((name) => constraints instanceof Map && constraints.get(name));
  return [
    ...(isWhole ? [screen] : []),
    ...least.filter(Array.isArray).map(([width, height]) => ({ width, height })),
  ];
}

function area({ width, height }: Size): number {
  return width * height;
}

function isNear(place: Rectangle, others: readonly Rectangle[]): boolean {
  return others.some((other) =>
    place.x <= other.x + other.width + popupReach && other.x <= place.x + place.width + popupReach &&
    place.y <= other.y + other.height + popupReach && other.y <= place.y + place.height + popupReach
  );
}

/** A window's title: the container's name comes first, and nothing in the title can push it away or turn it round. */
export function titleOf(container: string, title: string): string {
  return `[${container}] ${printable(title, mostTitleCharacters)}`;
}

/**
 * A window's class: the desktop groups windows by it and takes an icon for it, so that no window of a container may
 * have the class of a program of the host.
 */
function classOf(container: string, name: string): string {
  return `${container}.${printable(name, 80)}`;
}

/** Types of windows without a frame. */
const popupTypes = /^(NORMAL|DIALOG|UTILITY|MENU|DROPDOWN_MENU|POPUP_MENU|TOOLTIP|COMBO|DND)$/;

const lengths: Shape = tuple(integer(0, 0x7fff), integer(0, 0x7fff));
const steps: Shape = tuple(integer(1, 0x7fff), integer(1, 0x7fff));

const sizeConstraints = fields({
  // Not so small that its frame could not be seen.
  "maximum-size": tuple(integer(leastSeen.width, 0x7fff), integer(leastSeen.height, 0x7fff)),
  "minimum-size": tuple(integer(0, largestSide), integer(0, largestSide)),
  "base-size": lengths,
  "increment": steps,
  "gravity": integer(0, 10),
  "set-initial-position": flag,
});

/**
 * The properties that the container may set on any window. Left out: process ids (xpra starts a program on the host
 * for each), commands, host names, numbers of X windows, properties of X by any name, shapes, and opacity (a window
 * that cannot be seen can be typed into).
 */
function descriptionShapes(container: string, isKnown: (window: number) => boolean): Record<string, Shape> {
  const title: Shape = (value) => {
    if (typeof value !== "string") throw new Refusal("a title is not a text");
    return titleOf(container, value);
  };
  return {
    "title": title,
    "icon-title": title,
    "transient-for": (value) => {
      const window = windowNumber(value);
      if (!isKnown(window)) throw new Refusal("a window belongs to an unknown window");
      return window;
    },
    "size-constraints": sizeConstraints,
    "role": line(100),
  };
}

/**
 * The properties that it may set on a framed window only. Left out: those that keep a window above others, on all
 * desktops, out of lists of windows, or at the screen's edge with space reserved for it.
 */
const framedOnly: Record<string, Shape> = {
  // Other types have no frame, or are docks, desktops and popups: then it is an ordinary one.
  "window-type": (value) => {
    const types = list(line(20), 8)(value).filter((type) => /^(NORMAL|DIALOG|UTILITY)$/.test(`${type}`));
    return types.length > 0 ? types : ["NORMAL"];
  },
  "modal": flag,
  "iconic": flag,
  "maximized": flag,
  "fullscreen": flag,
  "requested-position": tuple(coordinate, coordinate),
  "set-initial-position": flag,
};

/** The keys that the server is asked for, of what it could say of windows. */
export const askedDescriptions: readonly string[] = [
  "title",
  "icon-title",
  "transient-for",
  "has-alpha",
  "size-constraints",
  "role",
  "class-instance",
  "window-type",
  "modal",
  "iconic",
  "maximized",
  "fullscreen",
  "requested-position",
  "set-initial-position",
  "override-redirect",
];

/** The same for a value that may be no text. */
export function printableTitle(container: string, title: Value | undefined): string {
  return titleOf(container, typeof title === "string" ? title : "");
}
