/** Popups: they are near their windows, cover only a part of the screen, and close when the user leaves. */

import { Violation } from "../faults.ts";
import { coversTooMuch, coverTooMuch, leaveMs, type Size } from "../limits.ts";
import { type Addition, dropped, type Part, type WaylandObject } from "./objects.ts";
import { createPositioners } from "./positioners.ts";
import type { WaylandSession } from "./session.ts";
import type { Surface } from "./surface.ts";
import type { Surfaces } from "./surfaces.ts";

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
  const positioners = createPositioners(borderOf);
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
  /** Whether a popup may have its place. A hidden popup covers nothing. */
  const mayBeAt = (positioner: WaylandObject, { popup, parent }: { popup: Surface; parent: Surface }): boolean => {
    const size = positioners.sizeNear(positioner, parent);
    return size !== undefined && (popup.isHidden || mayCover(popup, size));
  };
  return {
    handlers: {
      ...positioners.handlers,
      "xdg_surface.get_popup": ({ object, args: { id, parent, positioner } }) => {
        if (!parent) throw new Violation("a popup has no window");
        const [popup, its] = [surfaces.of(object), surfaces.of(parent)];
        parents.set(id, its);
        // A toolkit may show another menu on the surface of a hidden one.
        Object.assign(popup, { role: "popup", shell: object, isHidden: false });
        surfaces.link(id, object);
        popup.isHidden = !(attention.isPresent() && mayBeAt(positioner, { popup, parent: its }));
        if (!popup.isHidden) popups.add(id);
        return positioners.besideBorder(positioner, its);
      },
      "xdg_popup.reposition": ({ object, args: { positioner } }) => {
        const [popup, parent] = [surfaces.of(object), parents.get(object)!];
        const mayBe = mayBeAt(positioner, { popup, parent }) || popup.isHidden || refuse();
        return mayBe ? positioners.besideBorder(positioner, parent) : dropped;
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
