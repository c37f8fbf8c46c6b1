/** Windows: each has the container's name from the start, the border, and the desktop's frame if that draws any. */

import { type Addition, dropped, type Part, type WaylandObject } from "./objects.ts";
import type { WaylandSession } from "./session.ts";
import type { Surfaces } from "./surfaces.ts";
import { classOf, titleOf } from "../title.ts";

/** `zxdg_toplevel_decoration_v1.mode.server_side`: the desktop draws the frame. */
const serverSide = 2;

/** `KEY_XFER` of Linux, X's XF86Xfer, which hardly any keyboard has. (Two keys map to XF86Close.) */
const closeKey = 147;

/** The app id of Xwayland's window. */
const xServer = "org.freedesktop.Xwayland";
const oneWindow =
  "An app that knows only X is shown in one window, with a clipboard of its own. With xpra, --display x11 shows each of its windows by itself";

/**
 * Makes the windows of a connection; there are none yet.
 *
 * @returns `takeRequests`: takes the requests that waited until the user works in the windows; `takeEvents`: takes the
 * events that ask the app to close its windows when the user ends the session
 */
export function createWindows(
  { session, surfaces }: { session: WaylandSession; surfaces: Surfaces },
): Part & { takeRequests(): Addition[]; takeEvents(): Addition[] } {
  const { container, closing, tell, attention, rates } = session;
  /** Windows that become fullscreen once the user works in the app, each with its output. */
  const waiting = new Map<WaylandObject, WaylandObject | undefined>();
  const keyboards = new Set<WaylandObject>();
  const servers = new WeakSet<WaylandObject>();
  const windows = new Set<WaylandObject>();
  let isAsked = false;
  let usedToken: string | undefined;
  // Closing an X server's window would kill its apps. Instead, its window manager closes the app's window at this key.
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
        // An app may set neither title nor app id.
        return { after: [[id, "set_title", `[${container}]`], [id, "set_app_id", container]] };
      },
      // By now the window has its title; an X server's names only its display.
      "xdg_toplevel.set_app_id": ({ object, args: { app_id } }) => {
        const { app } = session.started;
        if (app_id !== xServer) return void (session.shownApp = app);
        servers.add(object);
        tell(oneWindow);
        // If the started app has shown its own windows, it has started this X app, whose name only the container knows.
        const name = app === "" || app === session.shownApp ? "X apps" : app;
        return {
          args: { app_id: classOf(container, name) },
          after: [[object, "set_title", titleOf(container, name)]],
        };
      },
      // Unless the app has the focus, activation would take it from another app, so it needs the token of a recent
      // start by the user. Few apps pass that on to their running process: it replaces any token here.
      "xdg_activation_v1.activate": () => {
        const { token } = session.started;
        if (attention.focused() !== 0 && attention.isUsed()) return rates.raise() ? undefined : dropped;
        if (!token || token.text === usedToken || token.untilMs < Date.now()) return dropped;
        usedToken = token.text;
        return { args: { token: usedToken } };
      },
      "xdg_toplevel.close": ({ object }) => ({ drop: true, after: ask(object) }),
      // Delayed until the user works in the app, since it would surprise a user elsewhere: mpv --fs and kiosks ask for
      // it before the first key.
      "xdg_toplevel.set_fullscreen": ({ object, args: { output } }) => {
        if (attention.isUsed()) return undefined;
        waiting.set(object, output);
        return dropped;
      },
      "xdg_toplevel.unset_fullscreen": ({ object }) => void waiting.delete(object),
      "wl_seat.get_keyboard": ({ args: { id } }) => void keyboards.add(id),
      // Without the desktop's frame, no title would show whose window it is.
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
      // Only once: windows that open later ask the user something.
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
