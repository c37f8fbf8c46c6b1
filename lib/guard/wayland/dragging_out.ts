/**
 * Drags that an app begins. Host programs cannot use the files that it drags out: their list has a prefixed type. When
 * such a drag ends outside of the app's windows, the guard reads the list, and the run has the session's agent hand the
 * files over by the channel `files`, as if the app had opened them by xdg-open. An app may do that at any time, so a
 * faked drag gains it nothing; and the agent opens, reads and bounds what it names as there, in the container and as
 * its user.
 */

import { listType, readList } from "./dropped_files.ts";
import { dropped, type Part, type WaylandObject } from "./objects.ts";
import type { Outgoing } from "./sources.ts";
import type { Surfaces } from "./surfaces.ts";

/**
 * A drag ended outside if it left the app's windows at least this long before, in milliseconds: compositors also send
 * `leave` when a drag ends inside.
 */
const outMs = 300;

/** Makes the drags that the app of a connection begins. */
export function createDraggingOut({ session, input, sources, own }: Outgoing, surfaces: Surfaces): Part {
  /** The last one, which nobody has taken when it is cancelled; and {@linkcode Input.escapes} at its start. */
  let drag: { source: WaylandObject; leftMs: number; escapes: number } | undefined;
  /** Reads the list of a drag that ended outside, before the app hears of its end. */
  const takeOut = async ({ source, escapes }: { source: WaylandObject; escapes: number }): Promise<void> => {
    const list = await readList((reader) => own.readSource(source, listType, reader));
    own.say([[source, "cancelled"]]);
    // When Escape cancels a drag, GNOME sends the same events as for a drop outside. But then the keyboard focus
    // returns to the app's window with that key down (mutter 50).
    if (list !== "" && input.escapes() === escapes) session.takeOut!(list);
  };
  return {
    handlers: {
      "wl_data_device.start_drag": ({ args: { source, icon, serial } }) => {
        if (!input.isPressed() || !input.isAnswer(serial)) return dropped;
        const verdict = surfaces.setRole(icon, "drag");
        if (verdict) return verdict;
        input.forgetPresses();
        drag = source && { source, leftMs: Infinity, escapes: input.escapes() };
        return { before: source ? sources.mark(source) : [] };
      },
      "wl_data_device.enter": () => void (drag && (drag.leftMs = Infinity)),
      "wl_data_device.leave": () => void (drag && (drag.leftMs = session.now())),
      "wl_data_source.cancelled": ({ object }) => {
        if (object !== drag?.source || !sources.hasFiles(object)) return undefined;
        const ended = drag;
        drag = undefined;
        if (!session.takeOut) return sources.tellOfFiles();
        if (!session.clipboard.out || session.now() - ended.leftMs < outMs) return undefined;
        takeOut(ended);
        return dropped;
      },
    },
    ended: (object) => void (object === drag?.source && (drag = undefined)),
  };
}
