/** Windows: which ones the container has, where they are, and which one has the keyboard. */

import { Refusal } from "../faults.ts";
import { areaOf, maxPopups, maxScreenfuls, maxWindows, type Size } from "../limits.ts";
import { openingRate, type Rate } from "../rate.ts";
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
  /** Until when it stands where it was, by the clock; for ever while it is hidden. */
  staysUntil?: number;
  parent?: number | undefined;
}

/** How long a window that is shown again stands where it was, in milliseconds. */
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
  constructor(
    private readonly container: string,
    private readonly now: () => number,
    readonly attention: Attention,
  ) {
    this.#mayOpen = openingRate(now);
    this.#framed = fields(framedProperties(container));
    this.#popup = fields(popupProperties(container));
  }

  /**
   * Opens a window, framed by the host's window manager.
   *
   * @throws {Refusal} when it may not be shown
   */
  open(number: number, { description, ...wanted }: WantedWindow): Opened {
    const passed = this.#withTitle(this.#checkFramed(number, description));
    const place = placeFramed(wanted, this.screen);
    // Without a class xpra's client gives it that of the host's own xpra.
    if (!passed.has("class-instance")) {
      passed.set("class-instance", ["window", "Window"].map((name) => classOf(this.container, name)));
    }
    if (!passed.has("window-type")) passed.set("window-type", ["NORMAL"]);
    if (passed.has("requested-position")) passed.set("requested-position", [place.x, place.y]);
    // GTK hints that a dialog has a place, with obsolete zeros for it, which xpra's server takes literally (6.5.5).
    if (wanted.x === 0 && wanted.y === 0) passed.delete("set-initial-position");
    const asked = this.#checkedSize(number, [place, ...sizesIn(passed, this.screen)]);
    const parent = passed.get("transient-for") as number | undefined;
    this.#add(number, { kind: "framed", place, asked, isShown: false, parent });
    return { place, description: passed };
  }

  /**
   * Opens a popup, which has no frame.
   *
   * @returns undefined for one that is left out, as honest apps have them: it is off the screen, or the user works
   * elsewhere
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
   * Moves a window as the container wants.
   *
   * @returns where it may be
   * @throws {Refusal} when it may not be there
   */
  move(number: number, wanted: Rectangle): Rectangle {
    const window = this.#find(number);
    if (window.kind === "popup") return window.place = this.#popupPlace(number, wanted);
    // The host reports where a framed window really is: its window manager may decide otherwise.
    const place = placeFramed(wanted, this.screen);
    window.asked = this.#checkedSize(number, [place]);
    return place;
  }

  /** Changes a window's properties. Returns those that may pass; throws a refusal for a window that is not there. */
  describe(number: number, description: Value): Dict {
    const window = this.#find(number);
    if (window.kind === "popup") return this.#popup(description);
    const passed = this.#checkFramed(number, description);
    // It counts when a window is made: xpra's client makes some again, with what was said last (6.5.5).
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
   * Notes where the host shows a framed window.
   *
   * @returns where it stands. For a moment after it is shown again, that is where it was: xpra's client (6.5.5) reports
   * where openbox's animation has it then, and the container would have it stay there
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

  /** Where a framed window is, as far as it is known. A popup's size changes only with its place. */
  place(number: number): Rectangle | undefined {
    const window = this.#known.get(number);
    return window?.kind === "framed" ? window.place : undefined;
  }

  /** The host gives the keyboard to a window, or takes it away with 0. */
  focus(number: number): void {
    this.#hasChanged = true;
    this.attention.focus(this.place(number) ? number : 0);
  }

  /**
   * Notes a button that is pressed or released in a window. In a popup it counts only while a window has the keyboard.
   */
  recordClick(number: number): void {
    this.#hasChanged = true;
    const kind = this.#known.get(number)?.kind;
    if (kind === "framed" || kind === "popup" && this.attention.focused() !== 0) this.attention.recordInput();
  }

  /** Forgets the popups that are strays: near no window that is shown, or left by the user. Returns them. */
  takeStrays(): number[] {
    this.#hasChanged = false;
    const popups = this.#ofKind("popup");
    const isPresent = this.attention.isPresent();
    const near = isPresent ? withMenus(this.#shownFrames(), popups.map(([, { place }]) => place)) : [];
    return this.#forget(popups.filter(([, { place }]) => !isNear(place, near)));
  }

  /** Forgets the icons in the tray. Returns them. */
  takeTrays(): number[] {
    return this.#forget(this.#ofKind("tray"));
  }

  /**
   * Whether popups may have become strays since {@linkcode Windows.takeStrays}: they get a moment to follow their
   * window.
   */
  mayHaveStrays(): boolean {
    return (this.#hasChanged || this.attention.focused() === 0) && this.#ofKind("popup").length > 0;
  }

  #find(number: number): Known {
    const window = this.#known.get(number);
    if (!window) throw new Refusal("there is no such window");
    return window;
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
    // xpra's client would put it there, too, and keep the distance at each move (6.5.5).
    const place = placePopup(wanted, this.screen);
    const popups = this.#ofKind("popup").filter(([other]) => other !== number).map(([, { place }]) => place);
    if (!mayPopUp(place, { screen: this.screen, windows: this.#shownFrames(), popups })) {
      throw new Refusal("a popup is far from the container's windows, or covers too much of the screen");
    }
    return place;
  }

  #withTitle(description: Dict): Dict {
    // Without a title xpra's client makes one up that does not name the container.
    if (!description.has("title")) description.set("title", titleOf(this.container, ""));
    return description;
  }

  /** What may pass of a framed window's description, depending on what the user does and on the other windows. */
  #checkFramed(number: number, description: Value): Dict {
    const passed = this.#framed(description);
    // Nothing covers the whole screen, with its title, while the user works elsewhere.
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
   * Checks sizes that the container asks for. Until the host reports what a window has got, it may have any of them.
   *
   * @returns the largest width and height that it has asked for so far
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
