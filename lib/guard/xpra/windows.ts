/** Windows: which ones the container has, where they are, and which one has the keyboard. */

import { Refusal } from "../faults.ts";
import { areaOf, maxPopups, maxScreenfuls, maxWindows, type Size } from "../limits.ts";
import { openingRate } from "../rate.ts";
import { type Attention, createAttention } from "../attention.ts";
import { fitConstraints, framedProperties, popupProperties, sizesIn } from "./description.ts";
import { classOf, titleOf } from "../title.ts";
import {
  isNear,
  isOnScreen,
  mayPopUp,
  placeFramed,
  placePopup,
  type Rectangle,
  type Screen,
  withMenus,
} from "./geometry.ts";
import type { Dict, Value } from "./rencode.ts";
import { fields } from "./shapes.ts";

const maxTrays = 8;
/** The screen until the client reports it. */
const defaultScreen: Screen = { width: 1024, height: 768, monitors: [] };

export interface WantedWindow extends Rectangle {
  description: Value;
}

export interface Opened {
  place: Rectangle;
  description: Dict;
}

export interface Windows extends Pick<Attention, "focused" | "isUsed"> {
  /** Takes the size and the monitors of the host's screen. */
  setScreen(screen: Screen): void;
  /**
   * Opens a window, framed by the host's window manager.
   *
   * @throws {Refusal} when it may not be shown
   */
  open(window: number, wanted: WantedWindow): Opened;
  /**
   * Opens a popup, which has no frame.
   *
   * @returns undefined for one that is left out, as honest apps have them: it is off the screen, or the user works
   * elsewhere
   * @throws {Refusal} when it may not be shown
   */
  openPopup(window: number, wanted: WantedWindow): Opened | undefined;
  /** Opens an icon in the tray. Throws as {@linkcode Windows.open}. */
  openTray(window: number): void;
  /**
   * Moves a window as the container wants.
   *
   * @returns where it may be
   * @throws {Refusal} when it may not be there
   */
  move(window: number, place: Rectangle): Rectangle;
  /** Changes a window's properties. Returns those that may pass; throws a refusal for a window that is not there. */
  describe(window: number, description: Value): Dict;
  close(window: number): void;
  /**
   * Notes where the host shows a framed window.
   *
   * @returns where it stands. For a moment after it is shown again, that is where it was: xpra's client (6.5.5) reports
   * where openbox's animation has it then, and the container would have it stay there
   */
  recordPlace(window: number, place: Rectangle): Rectangle;
  recordHidden(window: number): void;
  has(window: number): boolean;
  /** Where a framed window is, as far as it is known. A popup's size changes only with its place. */
  place(window: number): Rectangle | undefined;
  /** The host gives the keyboard to a window, or takes it away with 0. */
  focus(window: number): void;
  /** Notes that a key that passes is pressed. */
  recordKey(): void;
  /**
   * Notes a button that is pressed or released in a window. In a popup it counts only while a window has the keyboard.
   */
  recordClick(window: number): void;
  /** Forgets the popups that are strays: near no window that is shown, or left by the user. Returns them. */
  takeStrays(): number[];
  /** Forgets the icons in the tray. Returns them. */
  takeTrays(): number[];
  /**
   * Whether popups may have become strays since {@linkcode Windows.takeStrays}: they get a moment to follow their
   * window.
   */
  mayHaveStrays(): boolean;
}

interface Known {
  kind: "framed" | "popup" | "tray";
  place: Rectangle;
  /** The largest width and height that the container has ever asked for. Popups have a limit of their own. */
  asked: Size;
  isShown: boolean;
  /** Until when it stands where it was, by the clock; for ever while it is hidden. */
  staysUntil?: number;
  parent?: number | undefined;
}

/** How long a window that is shown again stands where it was, in milliseconds. */
const settleMs = 1_000;

/** Makes the windows of a session that has just begun. `now` is a clock in milliseconds. */
export function createWindows(
  { container, now, isPaused }: { container: string; now: () => number; isPaused?: (() => boolean) | undefined },
): Windows {
  const known = new Map<number, Known>();
  const mayOpen = openingRate(now);
  const attention = createAttention(now, isPaused);
  const framedShape = fields(framedProperties(container));
  const popupShape = fields(popupProperties(container));
  let screen = defaultScreen;
  let hasChanged = false;

  const find = (number: number): Known => {
    const window = known.get(number);
    if (!window) throw new Refusal("there is no such window");
    return window;
  };
  const add = (number: number, window: Known): void => {
    if (known.has(number)) throw new Refusal("a window is opened twice");
    if (known.size >= maxWindows || !mayOpen()) throw new Refusal("there are too many windows");
    known.set(number, window);
  };
  const checkedPopupPlace = (number: number, wanted: Rectangle): Rectangle => {
    // xpra's client would put it there, too, and keep the distance at each move (6.5.5).
    const place = placePopup(wanted, screen);
    const popups = ofKind(known, "popup").filter(([other]) => other !== number).map(([, { place }]) => place);
    if (!mayPopUp(place, { screen, windows: shownFrames(known), popups })) {
      throw new Refusal("a popup is far from the container's windows, or covers too much of the screen");
    }
    return place;
  };
  const withTitle = (description: Dict): Dict => {
    // Without a title xpra's client makes one up that does not name the container.
    if (!description.has("title")) description.set("title", titleOf(container, ""));
    return description;
  };
  /** What may pass of a framed window's description, depending on what the user does and on the other windows. */
  const checkFramed = (number: number, description: Value): Dict => {
    const passed = framedShape(description);
    // Nothing covers the whole screen, with its title, while the user works elsewhere.
    if (passed.get("fullscreen") === true && !attention.isUsed()) passed.delete("fullscreen");
    const parent = passed.get("transient-for");
    if (parent !== undefined && !mayBelong(known, { number, parent: parent as number })) passed.delete("transient-for");
    const constraints = passed.get("size-constraints");
    if (constraints instanceof Map) fitConstraints(constraints, screen);
    return passed;
  };

  return {
    setScreen: (reported) => void (screen = reported),
    open(number, { description, ...wanted }) {
      const passed = withTitle(checkFramed(number, description));
      const place = placeFramed(wanted, screen);
      // Without a class xpra's client gives it that of the host's own xpra.
      if (!passed.has("class-instance")) {
        passed.set("class-instance", [classOf(container, "window"), classOf(container, "Window")]);
      }
      if (!passed.has("window-type")) passed.set("window-type", ["NORMAL"]);
      if (passed.has("requested-position")) passed.set("requested-position", [place.x, place.y]);
      // GTK hints that a dialog has a place, with obsolete zeros for it, which xpra's server takes literally (6.5.5).
      if (wanted.x === 0 && wanted.y === 0) passed.delete("set-initial-position");
      const asked = checkedSize(known, { number, screen, sizes: [place, ...sizesIn(passed, screen)] });
      const parent = passed.get("transient-for") as number | undefined;
      add(number, { kind: "framed", place, asked, isShown: false, parent });
      return { place, description: passed };
    },
    openPopup(number, { description, ...wanted }) {
      const passed = withTitle(popupShape(description));
      if (!attention.isPresent() || !isOnScreen(wanted, screen)) return undefined;
      if (ofKind(known, "popup").length >= maxPopups) throw new Refusal("there are too many popups");
      const place = checkedPopupPlace(number, wanted);
      add(number, { kind: "popup", place, asked: place, isShown: true });
      return { place, description: passed };
    },
    openTray(number) {
      if (ofKind(known, "tray").length >= maxTrays) throw new Refusal("there are too many icons in the tray");
      const place = { x: 0, y: 0, width: 1, height: 1 };
      add(number, { kind: "tray", place, asked: place, isShown: true });
    },
    move(number, wanted) {
      const window = find(number);
      if (window.kind === "popup") return window.place = checkedPopupPlace(number, wanted);
      // The host reports where a framed window really is: its window manager may decide otherwise.
      const place = placeFramed(wanted, screen);
      window.asked = checkedSize(known, { number, screen, sizes: [place] });
      return place;
    },
    describe(number, description) {
      const window = find(number);
      if (window.kind === "popup") return popupShape(description);
      const passed = checkFramed(number, description);
      // It counts when a window is made: xpra's client makes some again, with what was said last (6.5.5).
      passed.delete("requested-position");
      window.asked = checkedSize(known, { number, screen, sizes: sizesIn(passed, screen) });
      if (passed.has("transient-for")) window.parent = passed.get("transient-for") as number;
      return passed;
    },
    close(number) {
      known.delete(number);
      for (const window of known.values()) if (window.parent === number) delete window.parent;
      if (attention.focused() === number) attention.focus(0);
    },
    recordPlace(number, place) {
      hasChanged = true;
      const window = known.get(number);
      if (window?.kind !== "framed") return place;
      const { staysUntil = 0, isShown, place: { x, y, width, height } } = window;
      if (!isShown && staysUntil > 0) window.staysUntil = now() + settleMs;
      const stays = staysUntil > now() && place.width === width && place.height === height;
      window.isShown = true;
      window.place = {
        ...place,
        width: Math.max(1, place.width),
        height: Math.max(1, place.height),
        ...stays && { x, y },
      };
      return window.place;
    },
    recordHidden(number) {
      const window = known.get(number);
      if (window?.kind !== "framed") return;
      window.isShown = false;
      window.staysUntil = Infinity;
    },
    has: (number) => known.has(number),
    place(number) {
      const window = known.get(number);
      return window?.kind === "framed" ? window.place : undefined;
    },
    focus(number) {
      hasChanged = true;
      attention.focus(known.get(number)?.kind === "framed" ? number : 0);
    },
    focused: attention.focused,
    recordKey: attention.recordInput,
    recordClick(number) {
      hasChanged = true;
      const kind = known.get(number)?.kind;
      if (kind === "framed" || kind === "popup" && attention.focused() !== 0) attention.recordInput();
    },
    isUsed: attention.isUsed,
    takeStrays() {
      hasChanged = false;
      const popups = ofKind(known, "popup");
      const near = attention.isPresent() ? withMenus(shownFrames(known), popups.map(([, { place }]) => place)) : [];
      const strays = popups.filter(([, { place }]) => !isNear(place, near)).map(([number]) => number);
      for (const number of strays) known.delete(number);
      return strays;
    },
    takeTrays() {
      const trays = ofKind(known, "tray").map(([number]) => number);
      for (const number of trays) known.delete(number);
      return trays;
    },
    mayHaveStrays: () => (hasChanged || attention.focused() === 0) && ofKind(known, "popup").length > 0,
  };
}

type KnownWindows = ReadonlyMap<number, Known>;

function ofKind(known: KnownWindows, kind: Known["kind"]): [number, Known][] {
  return [...known].filter(([, window]) => window.kind === kind);
}

function shownFrames(known: KnownWindows): Rectangle[] {
  return ofKind(known, "framed").filter(([, { isShown }]) => isShown).map(([, { place }]) => place);
}

/** Whether a window may belong to another one: neither to itself nor to one that belongs to it. */
function mayBelong(known: KnownWindows, { number, parent }: { number: number; parent: number }): boolean {
  if (known.get(parent)?.kind !== "framed") return false;
  for (let at: number | undefined = parent; at !== undefined; at = known.get(at)?.parent) {
    if (at === number) return false;
  }
  return true;
}

/**
 * Checks sizes that the container asks for. Until the host reports what a window has got, it may have any of them.
 *
 * @returns the largest width and height that it has asked for so far
 */
function checkedSize(
  known: KnownWindows,
  { number, screen, sizes }: { number: number; screen: Size; sizes: readonly Size[] },
): Size {
  const before = known.get(number)?.asked ?? { width: 0, height: 0 };
  const asked = {
    width: Math.max(before.width, ...sizes.map(({ width }) => width)),
    height: Math.max(before.height, ...sizes.map(({ height }) => height)),
  };
  if (areaOf(asked) === areaOf(before)) return before;
  const others = [...known].filter(([other, { kind }]) => kind !== "popup" && other !== number);
  const pixels = others.reduce(
    (sum, [, { place, asked }]) => sum + Math.max(areaOf(place), areaOf(asked)),
    areaOf(asked),
  );
  if (pixels > areaOf(screen) * maxScreenfuls) throw new Refusal("the container's windows are too large");
  return asked;
}
