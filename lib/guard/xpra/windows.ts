/**
 * Windows: which ones the container has, where they are, which one has the keyboard, and what the container may say of
 * them to the host's window manager.
 */

import { shortLine } from "../../base/text.ts";
import { Refusal } from "../faults.ts";
import { rate } from "../rate.ts";
import type { Dict, Value } from "./rencode.ts";
import { fields, flag, integer, line, list, type Shape, tuple, word } from "./shapes.ts";

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
/** Most popups at a time: a chain of menus, a tip and what is dragged. Firefox and LibreOffice have up to three. */
const mostPopups = 20;
/** Most icons in the tray at a time. */
const mostTrays = 8;
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
/** Other popups may be near a popup of this size: it may be a menu, and they may be its own. */
const leastMenu = { width: 32, height: 16 };
/** The least size of a framed window: the user could unknowingly type into one that cannot be seen. */
const leastSeen = { width: 48, height: 24 };
/**
 * How far below the screen's upper edge a framed window begins, in pixels. xpra's client puts its frame, with the title,
 * above that place (6.5.5).
 */
const titleHeight = 40;
const framed = { top: titleHeight, least: leastSeen };
/**
 * So long after a key or a click, in milliseconds, the user counts as working in the container's windows without the
 * keyboard there: a click comes before the focus, and what an app copies comes after the keys for it.
 */
const inputMs = 1_000;
/** The screen until the client tells it. */
const smallestScreen = { width: 1024, height: 768 };

const mostTitleCharacters = 400;

/** The windows of a session, as the guard sees them. */
export interface Windows {
  /** Takes the size of the host's screen. */
  setScreen(width: number, height: number): void;
  /**
   * A new window, framed by the host's window manager.
   *
   * @throws {Refusal} when it may not be shown
   */
  open(window: number, place: Rectangle, description: Value): Opened;
  /**
   * A new popup, which has no frame.
   *
   * @returns undefined for one that is left out, as honest apps have them: it is off the screen, or the user works
   * elsewhere
   * @throws {Refusal} when it may not be shown
   */
  openPopup(window: number, place: Rectangle, description: Value): Opened | undefined;
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
  /** Where a framed window is, as far as it is known. A popup's size changes only with its place. */
  place(window: number): Rectangle | undefined;
  /** The host gives the keyboard to a window, or takes it away with 0. */
  focus(window: number): void;
  /** The window that has the keyboard, or 0. */
  focused(): number;
  /** A key that passes is pressed. */
  typed(): void;
  /** A button is pressed or released in a window. In a popup that counts only while a window has the keyboard. */
  clicked(window: number): void;
  /**
   * Whether the user works in the container's windows: has pressed a key or a button there since one of them has the
   * keyboard, or just now. That one has it is not enough: some window managers give it to every new window.
   */
  isUsed(): boolean;
  /**
   * Popups that are near no shown window any more, or whose container the user has left, and are to be closed. They are
   * forgotten.
   */
  takeStrays(): number[];
  /** Whether there are popups that are soon strays, since no window has the keyboard. */
  hasStraysSoon(): boolean;
}

/** What may pass of a new window. */
export interface Opened {
  /** Where it may be. */
  place: Rectangle;
  /** What the container may say of it. */
  description: Dict;
}

interface Known {
  kind: "framed" | "popup" | "tray";
  place: Rectangle;
  /** The largest width and height that the container has ever asked for. Popups have a bound of their own. */
  asked: Size;
  /** A framed window: the host shows it. */
  isShown: boolean;
  /** A framed window: the one to which it belongs. */
  parent?: number | undefined;
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
  let focusedMs = -Infinity;
  let lastInputMs = -Infinity;
  const common = descriptionShapes(container);
  const ofClass: Shape = (value) => classOf(container, line(80)(value));
  const framedShape = fields({
    ...common,
    ...framedOnly,
    // Not for popups: xpra's client grabs the keyboard for those of some classes (6.5.5: "sun-awt-X11…").
    "class-instance": tuple(ofClass, ofClass),
  });
  const popupShape = fields({ ...common, "window-type": list(word(popupTypes), 8) });

  const popups = (): [number, Rectangle][] =>
    [...known].filter(([, { kind }]) => kind === "popup").map(([number, { place }]) => [number, place]);
  const shownFrames = (): Rectangle[] =>
    [...known.values()].filter(({ kind, isShown }) => kind === "framed" && isShown).map(({ place }) => place);
  const countOf = (kind: Known["kind"]): number => [...known.values()].filter((each) => each.kind === kind).length;
  const isJustUsed = (): boolean => now() - lastInputMs < inputMs;
  /** Popups are there only while the user is: nobody shall run into them while he works elsewhere. */
  const mayHavePopups = (): boolean => focused !== 0 || isJustUsed();
  const isUsed = (): boolean => isJustUsed() || focused !== 0 && lastInputMs > focusedMs - inputMs;
  const placeOfPopup = (number: number, wanted: Rectangle): Rectangle => {
    // xpra's client would put it there, too, and keep the distance at each move (6.5.5).
    const place = inside(screen, wanted, { top: 0, least: { width: 1, height: 1 } });
    const others = popups().filter(([other]) => other !== number).map(([, place]) => place);
    if (!mayPopUp(place, { screen, windows: shownFrames(), popups: others })) {
      throw new Refusal("a popup is far from the container's windows, or covers too much of the screen");
    }
    return place;
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
  /** What may pass of a framed window's description, by what the user does and by the other windows. */
  const fitting = (number: number, description: Dict): Dict => {
    // Nothing covers the whole screen, with its title, while the user works elsewhere.
    if (description.get("fullscreen") === true && !isUsed()) description.delete("fullscreen");
    const parent = description.get("transient-for");
    if (parent !== undefined && !mayBelong(number, parent as number)) description.delete("transient-for");
    const constraints = description.get("size-constraints");
    if (constraints instanceof Map) fitConstraints(constraints, screen);
    return description;
  };
  /** A window belongs to another one, and neither to itself nor to one that belongs to it. */
  const mayBelong = (number: number, parent: number): boolean => {
    if (known.get(parent)?.kind !== "framed") return false;
    for (let at: number | undefined = parent; at !== undefined; at = known.get(at)?.parent) {
      if (at === number) return false;
    }
    return true;
  };

  return {
    setScreen(width, height) {
      screen = { width, height };
    },
    open(number, wanted, description) {
      const passed = fitting(number, named(framedShape(description)));
      const place = inside(screen, wanted, framed);
      // Without a class xpra's client gives it that of the host's own xpra.
      if (!passed.has("class-instance")) {
        passed.set("class-instance", [classOf(container, "window"), classOf(container, "Window")]);
      }
      if (!passed.has("window-type")) passed.set("window-type", ["NORMAL"]);
      if (passed.has("requested-position")) passed.set("requested-position", [place.x, place.y]);
      const asked = ask(number, [place, ...sizesIn(passed, screen)]);
      const parent = passed.get("transient-for") as number | undefined;
      add(number, { kind: "framed", place, asked, isShown: false, parent });
      return { place, description: passed };
    },
    openPopup(number, wanted, description) {
      const passed = named(popupShape(description));
      if (!mayHavePopups() || !isOnScreen(wanted, screen)) return undefined;
      if (countOf("popup") >= mostPopups) throw new Refusal("there are too many popups");
      const place = placeOfPopup(number, wanted);
      add(number, { kind: "popup", place, asked: place, isShown: true });
      return { place, description: passed };
    },
    openTray(number) {
      if (countOf("tray") >= mostTrays) throw new Refusal("there are too many icons in the tray");
      const place = { x: 0, y: 0, width: 1, height: 1 };
      add(number, { kind: "tray", place, asked: place, isShown: true });
    },
    move(number, wanted) {
      const window = known.get(number);
      if (!window) throw new Refusal("there is no such window");
      if (window.kind === "popup") return window.place = placeOfPopup(number, wanted);
      // The host reports where a framed window really is: its window manager may decide otherwise.
      const place = inside(screen, wanted, framed);
      window.asked = ask(number, [place]);
      return place;
    },
    describe(number, description) {
      const window = known.get(number);
      if (!window) throw new Refusal("there is no such window");
      if (window.kind === "popup") return popupShape(description);
      const passed = fitting(number, framedShape(description));
      // It counts when a window is made: xpra's client makes some again, by what was said last (6.5.5).
      passed.delete("requested-position");
      window.asked = ask(number, sizesIn(passed, screen));
      if (passed.has("transient-for")) window.parent = passed.get("transient-for") as number;
      return passed;
    },
    close(number) {
      known.delete(number);
      for (const window of known.values()) if (window.parent === number) delete window.parent;
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
    place(number) {
      const window = known.get(number);
      return window?.kind === "framed" ? window.place : undefined;
    },
    focus(number) {
      const before = focused;
      focused = known.get(number)?.kind === "framed" ? number : 0;
      if (before === 0) focusedMs = now();
    },
    focused: () => focused,
    typed() {
      lastInputMs = now();
    },
    clicked(number) {
      const kind = known.get(number)?.kind;
      if (kind === "framed" || kind === "popup" && focused !== 0) lastInputMs = now();
    },
    isUsed,
    takeStrays() {
      const all = popups();
      const near = mayHavePopups() ? withMenus(shownFrames(), all.map(([, place]) => place)) : [];
      const strays = all.filter(([, place]) => !isNear(place, near)).map(([number]) => number);
      for (const number of strays) known.delete(number);
      return strays;
    },
    hasStraysSoon: () => focused === 0 && countOf("popup") > 0,
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
 * The place that is nearest to the one that a window wants, wholly on the screen and not larger: whatever it covers, its
 * title is in reach.
 */
function inside(screen: Size, wanted: Rectangle, { top, least }: { top: number; least: Size }): Rectangle {
  const width = Math.max(least.width, Math.min(wanted.width, screen.width));
  const height = Math.max(least.height, Math.min(wanted.height, screen.height));
  const x = Math.max(0, Math.min(wanted.x, screen.width - width));
  const y = Math.max(top, Math.min(wanted.y, screen.height - height));
  return { x, y, width, height };
}

function isOnScreen({ x, y, width, height }: Rectangle, screen: Size): boolean {
  return x < screen.width && y < screen.height && x + width > 0 && y + height > 0;
}

/** Makes what a window's description says of its sizes fit the screen. */
function fitConstraints(constraints: Dict, screen: Size): void {
  const pair = (name: string): [number, number] | undefined => constraints.get(name) as [number, number] | undefined;
  for (const name of ["minimum-size", "base-size"]) {
    const size = pair(name);
    if (size) constraints.set(name, [Math.min(size[0], screen.width), Math.min(size[1], screen.height)]);
  }
  const [base, steps] = [pair("base-size"), pair("increment")];
  if (!base || !steps) return;
  // GTK 3 rounds a window's size down to this one and whole steps more, also where that is below the smallest size
  // (3.24). So this is the first one that can be seen.
  const seen = (base: number, step: number, least: number): number =>
    base + step * Math.max(0, Math.ceil((least - base) / step));
  constraints.set("base-size", [
    seen(base[0], steps[0], leastSeen.width),
    seen(base[1], steps[1], leastSeen.height),
  ]);
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
  return `[${container}] ${shortLine(title, mostTitleCharacters)}`;
}

/**
 * A window's class: the desktop groups windows by it and takes an icon for it, so that no window of a container may
 * have the class of a program of the host.
 */
function classOf(container: string, name: string): string {
  return `${container}.${shortLine(name, 80)}`;
}

/** Types of windows without a frame. */
const popupTypes = /^(NORMAL|DIALOG|UTILITY|MENU|DROPDOWN_MENU|POPUP_MENU|TOOLTIP|COMBO|DND)$/;

const lengths: Shape = tuple(integer(0, 0x7fff), integer(0, 0x7fff));
/** Such as the characters of a terminal. */
const steps: Shape = tuple(integer(1, 256), integer(1, 256));

const sizeConstraints = fields({
  // Not so small that its frame could not be seen.
  "maximum-size": tuple(integer(leastSeen.width, 0x7fff), integer(leastSeen.height, 0x7fff)),
  "minimum-size": tuple(integer(0, largestSide), integer(0, largestSide)),
  "base-size": lengths,
  "increment": steps,
  "set-initial-position": flag,
});

/**
 * The properties that the container may set on any window. Left out: process ids (xpra starts a program on the host
 * for each), commands, host names, numbers of X windows, properties of X by any name, shapes, opacity and transparency
 * (a window that cannot be seen can be typed into, and a popup can catch clicks).
 */
function descriptionShapes(container: string): Record<string, Shape> {
  const title: Shape = (value) => {
    if (typeof value !== "string") throw new Refusal("a title is not a text");
    return titleOf(container, value);
  };
  return {
    "title": title,
    "icon-title": title,
    "size-constraints": sizeConstraints,
    "role": line(100),
  };
}

/**
 * The properties that it may set on a framed window only. Left out: those that keep a window above others, on all
 * desktops, out of lists of windows, or at the screen's edge with space reserved for it. A popup belongs to no window:
 * xpra's client would move it with that one, unknown to the guard (6.5.5).
 */
const framedOnly: Record<string, Shape> = {
  "transient-for": windowNumber,
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
