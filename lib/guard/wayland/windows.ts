/** Windows: each has the container's name from the start, and the desktop's frame where it draws any, besides the border. */

import { type Addition, dropped, type Part, type WaylandObject } from "./objects.ts";
import type { WaylandSession } from "./session.ts";
import type { Surfaces } from "./surfaces.ts";
import { classOf, titleOf } from "../title.ts";

/** `zxdg_toplevel_decoration_v1.mode.server_side`: the desktop draws the frame. */
const serverSide = 2;

/** `KEY_XFER` of Linux, X's XF86Xfer, which hardly a keyboard has. XF86Close are two keys. */
const closeKey = 147;

/** The app id of Xwayland's window, and what its user may want to know. */
const [xServer, oneWindow] = [
  "org.freedesktop.Xwayland",
  "An app that knows only X is shown in one window, with a clipboard of its own. With xpra, --display x11 shows its windows as others",
] as const;

export interface Windows extends Part {
  /** What the compositor is to be told now that the user works there. */
  takeRequests(): Addition[];
  /** What asks the app to close its windows, once the user ends the session. */
  takeEvents(): Addition[];
}

export function createWindows(
  { session, surfaces }: { session: WaylandSession; surfaces: Surfaces },
): Windows {
  const { container, closing, started, tell, attention, rates } = session;
  /** The windows that are to fill a screen once the user works there, and which one. */
  const waiting = new Map<WaylandObject, WaylandObject | undefined>();
  const keyboards = new Set<WaylandObject>();
  const servers = new WeakSet<WaylandObject>();
  const windows = new Set<WaylandObject>();
  let isAsked = false;
  let usedToken: string | undefined;
  // An X server would end under its apps. In it, a window manager has the app close its window at this key.
  const ask = (window: WaylandObject): Addition[] => {
    const insists = closing.ask(window);
    const [keyboard] = keyboards;
    return servers.has(window) && !insists && keyboard
      ? [1, 0].map((state) => [keyboard, "key", 0, 0, closeKey, state])
      : [[window, "close"]];
  };
  return {
    handlers: {
      "xdg_surface.get_toplevel": ({ object, args: { id } }) => {
        closing.open(id);
        windows.add(id);
        Object.assign(surfaces.of(object), { role: "window", shell: object, toplevel: id, limits: {} });
        surfaces.link(id, object);
        // An app may have no names for a window.
        return { after: [[id, "set_title", `[${container}]`], [id, "set_app_id", container]] };
      },
      // It has its title by now, in which an X server calls its display alone.
      "xdg_toplevel.set_app_id": ({ object, args: { app_id } }) => {
        const { app } = started();
        if (app_id !== xServer) return void (session.shownApp = app);
        servers.add(object);
        tell(oneWindow);
        // An app with windows of its own has started another one, whose name the container alone knows.
        const name = app === "" || app === session.shownApp ? "X apps" : app;
        return {
          args: { app_id: classOf(container, name) },
          after: [[object, "set_title", titleOf(container, name)]],
        };
      },
      // It would take the keys from another app, unless the user has just started this one. Few apps pass the desktop's
      // token on to their process that runs, so it stands here for any.
      "xdg_activation_v1.activate": () => {
        const { token } = started();
        if (attention.focused() !== 0 && attention.isUsed()) return rates.raise() ? undefined : dropped;
        if (!token || token.text === usedToken || token.untilMs < Date.now()) return dropped;
        usedToken = token.text;
        return { args: { token: usedToken } };
      },
      "xdg_toplevel.close": ({ object }) => ({ drop: true, after: ask(object) }),
      // As mpv --fs and kiosks ask before the first key. Else it would surprise a user who is elsewhere.
      "xdg_toplevel.set_fullscreen": ({ object, args: { output } }) => {
        if (attention.isUsed()) return undefined;
        waiting.set(object, output);
        return dropped;
      },
      "xdg_toplevel.unset_fullscreen": ({ object }) => void waiting.delete(object),
      "wl_seat.get_keyboard": ({ args: { id } }) => void keyboards.add(id),
      // Without the desktop's frame, no title would say whose window it is.
      "zxdg_toplevel_decoration_v1.set_mode": () => ({ args: { mode: serverSide } }),
      "zxdg_toplevel_decoration_v1.unset_mode": ({ object }) => ({
        drop: true,
        after: [[object, "set_mode", serverSide]],
      }),
    },
    takeRequests() {
      if (!attention.isUsed()) return [];
      const requests = [...waiting].filter(([, output]) => !output?.isEnded);
      waiting.clear();
      return requests.map(([window, output]): Addition => [window, "set_fullscreen", output]);
    },
    takeEvents() {
      // Those that open after that ask the user something.
      if (!closing.isEnding || isAsked) return [];
      isAsked = true;
      return [...windows].flatMap(ask);
    },
    ended(object) {
      waiting.delete(object);
      windows.delete(object);
      keyboards.delete(object);
      closing.remove(object, { byApp: object.isEnded });
    },
  };
}
