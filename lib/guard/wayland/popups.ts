/** Popups: they are near their windows, cover only a part of the screen, and close when the user leaves. */

import { Violation } from "../faults.ts";
import { coversTooMuch, coverTooMuch, leaveMs, minMenu, popupReach, type Size } from "../limits.ts";
import { nearestInt } from "./border.ts";
import { type Addition, dropped, type Part, type Verdict, type WaylandObject } from "./objects.ts";
import type { WaylandSession } from "./session.ts";
import type { Surface, Surfaces } from "./surfaces.ts";

interface Positioner extends Size {
  offset: { x: number; y: number };
  /** The edge or corner of the anchor rectangle, and the gravity, in the protocol's numbers. */
  edge: number;
  gravity: number;
  /** The anchor rectangle: the part of the parent that it is placed beside. */
  anchor?: Size & { x: number; y: number };
  /** The size that the parent will have. */
  parentSize?: Size;
}

export interface Popups extends Part {
  /** Whether a popup may have this size, together with the others of the session. If so, records the size. */
  mayCover(popup: Surface, size: Size): boolean;
  /** Whether popups must be closed: the user has left, or one is not allowed. */
  mustClose(): boolean;
  /** Closes all. Returns the messages for the app and for the compositor. */
  close(): { events: Addition[]; requests: Addition[] };
}

/** Makes the popups of a connection. `screens`: the screens' sizes; `borderOf`: the width of a window's border. */
export function createPopups(
  { session, surfaces, screens, borderOf }: {
    session: WaylandSession;
    surfaces: Surfaces;
    screens(): Size[];
    borderOf(surface: Surface): number;
  },
): Popups {
  const { attention } = session;
  /** The popups that are shown. */
  const popups = new Set<WaylandObject>();
  /** The parent of each popup: a window or another popup. */
  const parents = new WeakMap<WaylandObject, Surface>();
  const positioners = new WeakMap<WaylandObject, Positioner>();
  /** A popup has a size or place that is not allowed. All are closed, since the app waits for an answer or a frame. */
  let isRefused = false;
  const refuse = (): false => {
    isRefused = popups.size > 0;
    session.wake();
    return false;
  };
  const mayCover: Popups["mayCover"] = (popup, size) => {
    const others = [...session.popups].filter(([other]) => other !== popup).map(([, size]) => size);
    if (coversTooMuch(size, screens()) || coverTooMuch([size, ...others], screens())) return false;
    session.popups.set(popup, size);
    return true;
  };
  /** Whether a popup may have its place: near its window, or near another popup that is large enough for a menu. */
  const mayBeAt = (
    { width, height, offset, anchor, edge, gravity }: Positioner,
    { popup, parent: { role, sizes: [size] } }: { popup: Surface; parent: Surface },
  ): boolean => {
    if (role === "popup" && (size.width < minMenu.width || size.height < minMenu.height)) return false;
    if (!anchor) return false;
    const isNear = (["x", "y"] as const).every((axis) => {
      const side = axis === "x" ? "width" : "height";
      const [from, to] = [edge, gravity].map((each) => towards(each, axis)) as [number, number];
      const start = anchor[axis] + anchor[side] * from + offset[axis] - { width, height }[side] * (1 - to);
      // A compositor may flip it to the other side of its anchor.
      return anchor[axis] >= -popupReach && anchor[axis] + anchor[side] <= size[side] + popupReach &&
        start <= size[side] + popupReach && start + { width, height }[side] >= -popupReach;
    });
    // A hidden popup covers nothing.
    return isNear && (popup.isHidden || mayCover(popup, { width, height }));
  };
  /** Shifts a positioner by the window's border for one request, and back to the app's values after it. */
  const besideBorder = (positioner: WaylandObject, parent: Surface): Pick<Verdict, "before" | "after"> => {
    const by = borderOf(parent);
    const { anchor, parentSize } = positioners.get(positioner)!;
    if (by === 0 || !anchor) return {};
    const tell = (request: string, ...values: number[]): Addition => [positioner, request, ...values.map(nearestInt)];
    const sent = (by: number): Addition[] => [
      tell("set_anchor_rect", anchor.x + by, anchor.y + by, anchor.width, anchor.height),
      ...parentSize ? [tell("set_parent_size", parentSize.width + 2 * by, parentSize.height + 2 * by)] : [],
    ];
    return { before: sent(by), after: sent(0) };
  };
  return {
    handlers: {
      "xdg_wm_base.create_positioner": ({ args: { id } }) =>
        void positioners.set(id, { width: 0, height: 0, offset: { x: 0, y: 0 }, edge: 0, gravity: 0 }),
      "xdg_positioner.set_size": ({ object, args }) => void Object.assign(positioners.get(object)!, args),
      "xdg_positioner.set_offset": ({ object, args }) => void (positioners.get(object)!.offset = args),
      "xdg_positioner.set_anchor": ({ object, args: { anchor: edge } }) =>
        void Object.assign(positioners.get(object)!, { edge }),
      "xdg_positioner.set_gravity": ({ object, args }) => void Object.assign(positioners.get(object)!, args),
      "xdg_positioner.set_anchor_rect": ({ object, args }) => void (positioners.get(object)!.anchor = args),
      "xdg_positioner.set_parent_size": ({ object, args: { parent_width: width, parent_height: height } }) =>
        void (positioners.get(object)!.parentSize = { width, height }),
      "xdg_surface.get_popup": ({ object, args: { id, parent, positioner } }) => {
        if (!parent) throw new Violation("a popup has no window");
        parents.set(id, surfaces.of(parent));
        const popup = surfaces.of(object);
        // A toolkit may show another menu on the surface of a hidden one.
        Object.assign(popup, { role: "popup", shell: object, isHidden: false });
        surfaces.link(id, object);
        const at = positioners.get(positioner)!;
        const beside = besideBorder(positioner, surfaces.of(parent));
        if (attention.isPresent() && mayBeAt(at, { popup, parent: surfaces.of(parent) })) {
          popups.add(id);
          return beside;
        }
        popup.isHidden = true;
        return beside;
      },
      "xdg_popup.reposition": ({ object, args: { positioner } }) => {
        const parent = parents.get(object)!;
        const mayBe = mayBeAt(positioners.get(positioner)!, { popup: surfaces.of(object), parent });
        return mayBe || surfaces.of(object).isHidden || refuse() ? besideBorder(positioner, parent) : dropped;
      },
      "xdg_popup.configure": ({ object, args: { x, y } }) => {
        const by = borderOf(parents.get(object)!);
        return {
          args: { x: x - by, y: y - by },
          // The app closes a popup when told that it was dismissed.
          after: surfaces.of(object).isHidden ? [[object, "popup_done"]] : [],
        };
      },
    },
    mayCover: (popup, size) => mayCover(popup, size) || refuse(),
    mustClose: () => popups.size > 0 && (isRefused || attention.absentMs() > leaveMs),
    close() {
      // The topmost first.
      const closing = [...popups].toReversed().map((popup) => ({ popup, own: surfaces.of(popup) }));
      for (const { own } of closing) {
        own.isHidden = true;
        session.popups.delete(own);
      }
      popups.clear();
      isRefused = false;
      return {
        events: closing.map(({ popup }): Addition => [popup, "popup_done"]),
        requests: closing.filter(({ own }) => !own.object.isEnded).flatMap(({ own: { object } }): Addition[] => [
          [object, "attach", undefined, 0, 0],
          [object, "commit"],
        ]),
      };
    },
    ended(object) {
      popups.delete(object);
      const found = surfaces.of(object);
      if (found?.object === object || object.type.name === "xdg_popup") session.popups.delete(found!);
    },
  };
}

/** The position of an edge or a gravity of `xdg_positioner` along an axis: 0, 0.5 or 1. */
function towards(edge: number, axis: "x" | "y"): number {
  const [before, after] = axis === "x" ? [[3, 5, 6], [4, 7, 8]] : [[1, 5, 7], [2, 6, 8]];
  return before!.includes(edge) ? 0 : after!.includes(edge) ? 1 : 0.5;
}
