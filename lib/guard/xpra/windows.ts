/** The container's windows: which there are, where they are, and which one has keyboard focus. */

import { Refusal } from "../faults.ts";
import { areaOf, maxPopups, maxScreenfuls, maxWindows, type Size } from "../limits.ts";
import { openingRate, type Rate, rate } from "../rate.ts";
import type { Attention } from "../attention.ts";
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
import { fields, type Shape } from "./shapes.ts";

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

interface Known {
  kind: "framed" | "popup" | "tray";
  place: Rectangle;
  /** The largest width and height that the container has ever asked for. Popups have a limit of their own. */
  asked: Size;
  isShown: boolean;
  /** Until when it keeps its place, by the clock; for ever while it is hidden. */
  staysUntil?: number;
  parent?: number | undefined;
}

/** How long a window that is shown again keeps its place, in milliseconds. */
const settleMs = 1_000;

/** The windows of a session. */
export class Windows {
  /** The size and the monitors of the host's screen. */
  screen = defaultScreen;
  readonly #known = new Map<number, Known>();
  readonly #mayOpen: Rate;
  readonly #framed: Shape<Dict>;
  readonly #popup: Shape<Dict>;
  #hasChanged = false;

  /** Makes the windows of a new session. `now`: a clock in milliseconds. */
  constructor(private readonly container: string, private readonly now: () => number, readonly attention: Attention) {
    this.#mayOpen = rate(openingRate, now);
    this.#framed = fields(framedProperties(container));
    this.#popup = fields(popupProperties(container));
  }

  /**
   * Opens a window that the host's window manager frames.
   *
   * @throws {Refusal} when it may not be shown
   */
  open(number: number, { description, ...wanted }: WantedWindow): Opened {
    const passed = this.#withTitle(this.#checkFramed(number, description));
    const place = placeFramed(wanted, this.screen);
    // To a window without a class, xpra's client gives that of xpra itself.
    if (!passed.has("class-instance")) {
      passed.set("class-instance", ["window", "Window"].map((name) => classOf(this.container, name)));
    }
    if (!passed.has("window-type")) passed.set("window-type", ["NORMAL"]);
    if (passed.has("requested-position")) passed.set("requested-position", [place.x, place.y]);
    // For a dialog, GTK sets an obsolete place of zeros, which xpra's server takes literally (6.5.5).
    if (wanted.x === 0 && wanted.y === 0) passed.delete("set-initial-position");
    const asked = this.#checkedSize(number, [place, ...sizesIn(passed, this.screen)]);
    const parent = passed.get("transient-for") as number | undefined;
    this.#add(number, { kind: "framed", place, asked, isShown: false, parent });
    return { place, description: passed };
  }

  /**
   * Opens a popup, which has no frame.
   *
   * @returns undefined for a popup that is left out, as honest apps open them, too: it is off the screen, or the user
   * works elsewhere
   * @throws {Refusal} when it may not be shown
   */
  openPopup(number: number, { description, ...wanted }: WantedWindow): Opened | undefined {
    const passed = this.#withTitle(this.#popup(description));
    if (!this.attention.isPresent() || !isOnScreen(wanted, this.screen)) return undefined;
    if (this.#ofKind("popup").length >= maxPopups) throw new Refusal("there are too many popups");
    const place = this.#popupPlace(number, wanted);
    this.#add(number, { kind: "popup", place, asked: place, isShown: true });
    return { place, description: passed };
  }

  /** Opens an icon in the tray. Throws as {@linkcode Windows.open}. */
  openTray(number: number): void {
    if (this.#ofKind("tray").length >= maxTrays) throw new Refusal("there are too many icons in the tray");
    const place = { x: 0, y: 0, width: 1, height: 1 };
    this.#add(number, { kind: "tray", place, asked: place, isShown: true });
  }

  /**
   * Moves a window that is there as the container wants.
   *
   * @returns the place that it may have
   * @throws {Refusal} when it may not be there
   */
  move(number: number, wanted: Rectangle): Rectangle {
    const window = this.#known.get(number)!;
    if (window.kind === "popup") return window.place = this.#popupPlace(number, wanted);
    // The host reports the real place of a framed window, which its window manager decides.
    const place = placeFramed(wanted, this.screen);
    window.asked = this.#checkedSize(number, [place]);
    return place;
  }

  /** Changes the properties of a window that is there. Returns those that may pass. */
  describe(number: number, description: Value): Dict {
    const window = this.#known.get(number)!;
    if (window.kind === "popup") return this.#popup(description);
    const passed = this.#checkFramed(number, description);
    // The position counts only when a window opens, but xpra's client (6.5.5) opens some again with the last
    // properties.
    passed.delete("requested-position");
    window.asked = this.#checkedSize(number, sizesIn(passed, this.screen));
    if (passed.has("transient-for")) window.parent = passed.get("transient-for") as number;
    return passed;
  }

  close(number: number): void {
    this.#known.delete(number);
    for (const window of this.#known.values()) if (window.parent === number) delete window.parent;
    if (this.attention.focused() === number) this.attention.focus(0);
  }

  /**
   * Records where the host shows a framed window.
   *
   * @returns its place. For a moment after it is shown again, that is its earlier one: xpra's client (6.5.5) reports
   * places of openbox's animation then, at which the container would keep it
   */
  recordPlace(number: number, place: Rectangle): Rectangle {
    this.#hasChanged = true;
    const window = this.#known.get(number);
    if (window?.kind !== "framed") return place;
    const { staysUntil = 0, isShown, place: { x, y, width, height } } = window;
    if (!isShown && staysUntil > 0) window.staysUntil = this.now() + settleMs;
    const stays = staysUntil > this.now() && place.width === width && place.height === height;
    window.isShown = true;
    window.place = {
      ...place,
      width: Math.max(1, place.width),
      height: Math.max(1, place.height),
      ...stays && { x, y },
    };
    return window.place;
  }

  recordHidden(number: number): void {
    const window = this.#known.get(number);
    if (window?.kind === "framed") Object.assign(window, { isShown: false, staysUntil: Infinity });
  }

  has(number: number): boolean {
    return this.#known.has(number);
  }

  /** The place of a framed window; undefined for others. A popup's size changes only with its place. */
  place(number: number): Rectangle | undefined {
    const window = this.#known.get(number);
    return window?.kind === "framed" ? window.place : undefined;
  }

  /** The host gives keyboard focus to a window, or with 0 to none. */
  focus(number: number): void {
    this.#hasChanged = true;
    this.attention.focus(this.place(number) ? number : 0);
  }

  /**
   * Records that a button is pressed or released in a window. In a popup it counts only while a window has focus.
   */
  recordClick(number: number): void {
    this.#hasChanged = true;
    const kind = this.#known.get(number)?.kind;
    if (kind === "framed" || kind === "popup" && this.attention.focused() !== 0) this.attention.recordInput();
  }

  /** Forgets and returns stray popups: those near no visible window, or all if the user has left. */
  takeStrays(): number[] {
    this.#hasChanged = false;
    const popups = this.#ofKind("popup");
    const isPresent = this.attention.isPresent();
    const near = isPresent ? withMenus(this.#shownFrames(), popups.map(([, { place }]) => place)) : [];
    return this.#forget(popups.filter(([, { place }]) => !isNear(place, near)));
  }

  /** Forgets and returns the icons in the tray. */
  takeTrays(): number[] {
    return this.#forget(this.#ofKind("tray"));
  }

  /**
   * Whether popups may have become strays since {@linkcode Windows.takeStrays}. They have a moment to follow their
   * window.
   */
  mayHaveStrays(): boolean {
    return (this.#hasChanged || this.attention.focused() === 0) && this.#ofKind("popup").length > 0;
  }

  #add(number: number, window: Known): void {
    if (this.has(number)) throw new Refusal("a window is opened twice");
    if (this.#known.size >= maxWindows || !this.#mayOpen()) throw new Refusal("there are too many windows");
    this.#known.set(number, window);
  }

  #forget(windows: readonly [number, Known][]): number[] {
    for (const [number] of windows) this.#known.delete(number);
    return windows.map(([number]) => number);
  }

  #ofKind(kind: Known["kind"]): [number, Known][] {
    return [...this.#known].filter(([, window]) => window.kind === kind);
  }

  #shownFrames(): Rectangle[] {
    return this.#ofKind("framed").filter(([, { isShown }]) => isShown).map(([, { place }]) => place);
  }

  #popupPlace(number: number, wanted: Rectangle): Rectangle {
    // xpra's client (6.5.5) would move it onto the screen itself, and keep that distance at each later move.
    const place = placePopup(wanted, this.screen);
    const popups = this.#ofKind("popup").filter(([other]) => other !== number).map(([, { place }]) => place);
    if (!mayPopUp(place, { screen: this.screen, windows: this.#shownFrames(), popups })) {
      throw new Refusal("a popup is far from the container's windows, or covers too much of the screen");
    }
    return place;
  }

  #withTitle(description: Dict): Dict {
    // To a window without a title, xpra's client gives one that does not name the container.
    if (!description.has("title")) description.set("title", titleOf(this.container, ""));
    return description;
  }

  /** The part of a framed window's description that may pass, given what the user does and the other windows. */
  #checkFramed(number: number, description: Value): Dict {
    const passed = this.#framed(description);
    // While the user works elsewhere, no window may cover the whole screen, and with it the titles of others.
    if (passed.get("fullscreen") === true && !this.attention.isUsed()) passed.delete("fullscreen");
    const parent = passed.get("transient-for");
    if (parent !== undefined && !this.#mayBelong(number, parent as number)) passed.delete("transient-for");
    const constraints = passed.get("size-constraints");
    if (constraints instanceof Map) fitConstraints(constraints, this.screen);
    return passed;
  }

  /** Whether a window may belong to another one: neither to itself nor to one that belongs to it. */
  #mayBelong(number: number, parent: number): boolean {
    if (!this.place(parent)) return false;
    for (let at: number | undefined = parent; at !== undefined; at = this.#known.get(at)?.parent) {
      if (at === number) return false;
    }
    return true;
  }

  /**
   * Checks sizes that the container requests for a window. Until the host reports the real one, any may be in effect.
   *
   * @returns the largest width and height that the container has requested so far
   */
  #checkedSize(number: number, sizes: readonly Size[]): Size {
    const before = this.#known.get(number)?.asked ?? { width: 0, height: 0 };
    const asked = {
      width: Math.max(before.width, ...sizes.map(({ width }) => width)),
      height: Math.max(before.height, ...sizes.map(({ height }) => height)),
    };
    if (areaOf(asked) === areaOf(before)) return before;
    const others = [...this.#known].filter(([other, { kind }]) => kind !== "popup" && other !== number);
    const pixels = others.map(([, { place, asked }]) => Math.max(areaOf(place), areaOf(asked)));
    const together = pixels.reduce((sum, each) => sum + each, areaOf(asked));
    if (together > areaOf(this.screen) * maxScreenfuls) throw new Refusal("the container's windows are too large");
    return asked;
  }
}
