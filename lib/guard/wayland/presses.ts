/** Buttons, fingers and pens that are down in the app's windows. */

import type { Closing } from "../closing.ts";
import type { Handler, Part, Verdict, WaylandObject } from "./objects.ts";

/** The state `pressed` of a key or a button. */
export const pressed = 1;
/** The most buttons and fingers that may be down. */
const maxPresses = 64;

/** A button by its number, a finger by its id, or the tip of a pen. */
type What = number | "pen";

export interface Presses extends Part {
  /** Whether a button, a finger or a pen is down in one of the app's windows. */
  isPressed(): boolean;
  /** Forgets what is down: the compositor has taken it over for a drag, move or resize. */
  forgetPresses(): void;
}

/** Makes the presses of a connection. `used`: called at each press. */
export function createPresses(closing: Closing, used: () => Verdict<never> | undefined): Presses {
  /** The surface that each pointer or pen is over. */
  const pointed = new WeakMap<WaylandObject, WaylandObject | undefined>();
  /** What is down: the device that reported it, and the surface. */
  let presses: readonly { device: WaylandObject; what: What; surface: WaylandObject | undefined }[] = [];

  const press = (device: WaylandObject, what: What, surface = pointed.get(device)): Verdict<never> | undefined => {
    if (presses.length < maxPresses && !surface?.isEnded) presses = [...presses, { device, what, surface }];
    return used();
  };
  const lift = (device: WaylandObject, what: What): void =>
    void (presses = presses.filter((press) => press.device !== device || press.what !== what));
  const ended = (object: WaylandObject): void =>
    void (presses = presses.filter(({ device, surface }) => device !== object && surface !== object));
  const forget = ({ object }: { object: WaylandObject }): void => ended(object);
  const setPointed: Handler<"wl_pointer.enter" | "zwp_tablet_tool_v2.proximity_in"> = (
    { object, args: { surface } },
  ) => void pointed.set(object, surface);
  const button: Handler<"wl_pointer.button" | "zwp_tablet_tool_v2.button"> = ({ object, args: { button, state } }) =>
    state === pressed ? press(object, button) : lift(object, button);
  return {
    handlers: {
      "wl_pointer.enter": setPointed,
      // While a button is down, the pointer leaves a window only if the compositor has grabbed it.
      "wl_pointer.leave": forget,
      "wl_pointer.button": (message) => {
        closing.recordClick();
        return button(message);
      },
      "wl_touch.down": ({ object, args: { surface, id } }) => press(object, id, surface),
      "wl_touch.up": ({ object, args: { id } }) => {
        closing.recordClick();
        lift(object, id);
      },
      "wl_touch.cancel": forget,
      "zwp_tablet_tool_v2.proximity_in": setPointed,
      "zwp_tablet_tool_v2.down": ({ object }) => press(object, "pen"),
      "zwp_tablet_tool_v2.up": ({ object }) => lift(object, "pen"),
      "zwp_tablet_tool_v2.button": button,
      "zwp_tablet_tool_v2.proximity_out": forget,
      "zwp_tablet_tool_v2.removed": forget,
    },
    isPressed: () => presses.length > 0,
    forgetPresses: () => void (presses = []),
    ended,
  };
}
