/** What the container may tell the host's window manager about a window: its title, its class, its sizes. */

import { classOf, titleOf } from "../title.ts";
import { maxSide, minVisible, type Size } from "../limits.ts";
import { coordinate, windowNumber } from "./geometry.ts";
import type { Dict } from "./rencode.ts";
import { fields, flag, flags, integer, line, list, type Shape, text, tuple, word } from "./shapes.ts";

/** Types of windows without a frame. */
const popupTypes = /^(NORMAL|DIALOG|UTILITY|MENU|DROPDOWN_MENU|POPUP_MENU|TOOLTIP|COMBO|DND)$/;

const lengths: Shape = tuple(integer(0, 0x7fff), integer(0, 0x7fff));
/** The steps of a window's size, such as the characters of a terminal. */
const steps: Shape = tuple(integer(1, 256), integer(1, 256));

const sizeConstraints = fields({
  // At least so large that its frame can be seen.
  "maximum-size": tuple(integer(minVisible.width, 0x7fff), integer(minVisible.height, 0x7fff)),
  "minimum-size": tuple(integer(0, maxSide), integer(0, maxSide)),
  "base-size": lengths,
  "increment": steps,
  "set-initial-position": flag,
});

/**
 * The properties that a container may set on a popup. Left out: process ids (xpra starts a program on the host for
 * each), commands, host names, numbers of X windows, arbitrary X properties, shapes, opacity and transparency (the user
 * could type into an invisible window, and an invisible popup could catch clicks). A popup has no parent, or xpra's
 * client would move it together with that, without the guard's knowledge; and no class, since the client grabs the
 * keyboard for some classes (6.5.5: "sun-awt-X11…").
 */
export function popupProperties(container: string): Record<string, Shape> {
  const title: Shape = (value) => titleOf(container, text(value));
  return {
    "title": title,
    "icon-title": title,
    "role": line(100),
    "window-type": list(word(popupTypes), 8),
  };
}

/**
 * The properties that a container may set on a framed window. Left out as well: those that keep a window above others,
 * on all desktops, out of lists of windows, or at the screen's edge with reserved space.
 */
export function framedProperties(container: string): Record<string, Shape> {
  const ofClass: Shape = (value) => classOf(container, line(80)(value));
  return {
    ...popupProperties(container),
    "size-constraints": sizeConstraints,
    "class-instance": tuple(ofClass, ofClass),
    "transient-for": windowNumber,
    // Other types have no frame, or are docks, desktops and popups: such a window becomes an ordinary one.
    "window-type": (value) => {
      const types = list(line(20), 8)(value).filter((type) => /^(NORMAL|DIALOG|UTILITY)$/.test(`${type}`));
      return types.length > 0 ? types : ["NORMAL"];
    },
    ...flags("modal", "iconic", "maximized", "fullscreen", "set-initial-position"),
    "requested-position": tuple(coordinate, coordinate),
  };
}

/** The properties that the server is asked for. */
export const askedDescriptions: readonly string[] = Object.keys(framedProperties(""));

/** Fits the sizes in a window's description to the screen. */
export function fitConstraints(constraints: Dict, screen: Size): void {
  const pair = (name: string): [number, number] | undefined => constraints.get(name) as [number, number] | undefined;
  for (const name of ["minimum-size", "base-size"]) {
    const size = pair(name);
    if (size) constraints.set(name, [Math.min(size[0], screen.width), Math.min(size[1], screen.height)]);
  }
  const [base, steps] = [pair("base-size"), pair("increment")];
  if (!base || !steps) return;
  // GTK 3.24 rounds a window's size down to the base size and whole steps, even below the smallest size. So the base
  // size becomes the first such size that can be seen.
  const mins = [minVisible.width, minVisible.height];
  constraints.set(
    "base-size",
    mins.map((min, index) =>
      base[index]! + steps[index]! * Math.max(0, Math.ceil((min - base[index]!) / steps[index]!))
    ),
  );
}

/** The sizes that a framed window may get by its description. */
export function sizesIn(description: Dict, screen: Size): Size[] {
  const isWhole = ["maximized", "fullscreen"].some((state) => description.get(state) === true);
  const constraints = description.get("size-constraints");
  // Without a smallest size, window managers use the base size.
  const min = ["minimum-size", "base-size"].map((name) => constraints instanceof Map && constraints.get(name));
  return [...(isWhole ? [screen] : []), ...min.filter(Array.isArray).map(([width, height]) => ({ width, height }))];
}
