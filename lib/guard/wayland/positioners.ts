/** Positioners: where an app's popups are to be, which is near their windows. */

import { minMenu, popupReach, type Size } from "../limits.ts";
import { nearestInt } from "./messages.ts";
import type { Addition, Part, Verdict, WaylandObject } from "./objects.ts";
import type { Surface } from "./surface.ts";

interface Positioner extends Size {
  /** The offset. */
  x: number;
  y: number;
  /** The edge or corner of the rectangle that it is placed beside, and the gravity, in the protocol's numbers. */
  anchor: number;
  gravity: number;
  /** The anchor rectangle: the part of the parent that it is placed beside. */
  beside?: Size & { x: number; y: number };
  /** The size that the parent will have. */
  parentSize?: Size;
}

export interface Positioners extends Part {
  /** The size of a popup if it is to be near its window, or near another popup that is large enough for a menu. */
  sizeNear(positioner: WaylandObject, parent: Surface): Size | undefined;
  /** Shifts a positioner by the window's border for one request, and back to the app's values after it. */
  besideBorder(positioner: WaylandObject, parent: Surface): Pick<Verdict, "before" | "after">;
}

/** Makes the positioners of a connection. `borderOf`: the width of a window's border. */
export function createPositioners(borderOf: (surface: Surface) => number): Positioners {
  const positioners = new WeakMap<WaylandObject, Positioner>();
  const set = ({ object, args }: { object: WaylandObject; args: Partial<Positioner> }): void =>
    void Object.assign(positioners.get(object)!, args);
  return {
    handlers: {
      "xdg_wm_base.create_positioner": ({ args: { id } }) =>
        void positioners.set(id, { width: 0, height: 0, x: 0, y: 0, anchor: 0, gravity: 0 }),
      "xdg_positioner.set_size": set,
      "xdg_positioner.set_offset": set,
      "xdg_positioner.set_anchor": set,
      "xdg_positioner.set_gravity": set,
      "xdg_positioner.set_anchor_rect": ({ object, args }) => void (positioners.get(object)!.beside = args),
      "xdg_positioner.set_parent_size": ({ object, args: { parent_width: width, parent_height: height } }) =>
        void (positioners.get(object)!.parentSize = { width, height }),
    },
    sizeNear(positioner, { role, sizes: [size] }) {
      const popup = positioners.get(positioner)!;
      const isNoMenu = role === "popup" && (size.width < minMenu.width || size.height < minMenu.height);
      return isNoMenu || !isNear(popup, size) ? undefined : { width: popup.width, height: popup.height };
    },
    besideBorder(positioner, parent) {
      const by = borderOf(parent);
      const { beside, parentSize } = positioners.get(positioner)!;
      if (by === 0 || !beside) return {};
      const tell = (request: string, ...values: number[]): Addition => [positioner, request, ...values.map(nearestInt)];
      const sent = (by: number): Addition[] => [
        tell("set_anchor_rect", beside.x + by, beside.y + by, beside.width, beside.height),
        ...parentSize ? [tell("set_parent_size", parentSize.width + 2 * by, parentSize.height + 2 * by)] : [],
      ];
      return { before: sent(by), after: sent(0) };
    },
  };
}

/** Whether a popup begins near a parent of this size, also where a compositor flips it to its anchor's other side. */
function isNear(popup: Positioner, parent: Size): boolean {
  const { beside } = popup;
  return beside !== undefined && (["x", "y"] as const).every((axis) => {
    const side = axis === "x" ? "width" : "height";
    const [from, to] = [popup.anchor, popup.gravity].map((each) => towards(each, axis)) as [number, number];
    const start = beside[axis] + beside[side] * from + popup[axis] - popup[side] * (1 - to);
    return beside[axis] >= -popupReach && beside[axis] + beside[side] <= parent[side] + popupReach &&
      start <= parent[side] + popupReach && start + popup[side] >= -popupReach;
  });
}

/** The position of an edge or a gravity of `xdg_positioner` along an axis: 0, 0.5 or 1. */
function towards(edge: number, axis: "x" | "y"): number {
  const [before, after] = axis === "x" ? [[3, 5, 6], [4, 7, 8]] : [[1, 5, 7], [2, 6, 8]];
  return before!.includes(edge) ? 0 : after!.includes(edge) ? 1 : 0.5;
}
