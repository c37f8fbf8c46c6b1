/** Windows: each has the container's name from the start, and the desktop's frame where it draws any. */

import type { Part, WaylandObject } from "./objects.ts";
import type { WaylandSession } from "./session.ts";
import type { Surfaces } from "./surfaces.ts";

/** `zxdg_toplevel_decoration_v1.mode.server_side`: the desktop draws the frame. */
const serverSide = 2;

/** The app id of Xwayland's window, and what its user may want to know. */
const [xServer, oneWindow] = [
  "org.freedesktop.Xwayland",
  "An app that knows only X is shown in one window, with a clipboard of its own. With xpra, --display x11 shows its windows as others",
] as const;

export interface Windows extends Part {
  /** Whether the desktop gives one a frame. */
  isFramed(window: WaylandObject): boolean;
}

export function createWindows(
  { session: { container, closing, tell }, surfaces }: { session: WaylandSession; surfaces: Surfaces },
): Windows {
  const open = new Set<WaylandObject>();
  const framed = new WeakSet<WaylandObject>();
  /** The windows whose frame an object is about. */
  const decorated = new WeakMap<WaylandObject, WaylandObject>();
  return {
    handlers: {
      "xdg_surface.get_toplevel": ({ object, args: { id } }) => {
        open.add(id);
        closing.open(id);
        Object.assign(surfaces.of(object), { role: "window", shell: object, toplevel: id });
        surfaces.link(id, object);
        // An app may have no names for a window.
        return { after: [[id, "set_title", `[${container}]`], [id, "set_app_id", container]] };
      },
      "xdg_toplevel.set_app_id": ({ args: { app_id } }) => {
        if (app_id === xServer) tell(oneWindow);
      },
      "xdg_toplevel.configure": ({ object, args: { width, height } }) => {
        surfaces.of(object).configured = { width, height };
      },
      "xdg_toplevel.close": ({ object }) => closing.ask(object),
      "zxdg_decoration_manager_v1.get_toplevel_decoration": ({ args: { id, toplevel } }) =>
        void decorated.set(id, toplevel),
      "zxdg_toplevel_decoration_v1.configure": ({ object, args: { mode } }) => {
        const toplevel = decorated.get(object)!;
        if (mode === serverSide) framed.add(toplevel);
        else framed.delete(toplevel);
      },
      "zxdg_toplevel_decoration_v1.destroy": ({ object }) => void framed.delete(decorated.get(object)!),
      // Without the desktop's frame, no title would say whose window it is.
      "zxdg_toplevel_decoration_v1.set_mode": () => ({ args: { mode: serverSide } }),
      "zxdg_toplevel_decoration_v1.unset_mode": ({ object }) => ({
        drop: true,
        after: [[object, "set_mode", serverSide]],
      }),
    },
    isFramed: (window) => framed.has(window),
    ended(object) {
      if (open.delete(object)) closing.remove(object, { byApp: true });
    },
    end: () => open.forEach((window) => closing.remove(window)),
  };
}
