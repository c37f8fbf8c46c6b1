/** Keyboard, pointer, touch and tablet events, from which the guard knows that the user works in the app's windows. */

import type { Addition, Handler, Part, Verdict, WaylandObject } from "./objects.ts";
import type { WaylandSession } from "./session.ts";

/** The state `pressed` of a key or a button. */
const pressed = 1;
/** `KEY_ESC` of Linux. */
const escapeKey = 1;
/** How many of the compositor's last serials an app may use. */
const maxSerials = 256;
/** The most buttons and fingers that may be down. */
const maxPresses = 64;

/** The input of a connection. Its handlers must not be called for objects that the app has ended. */
export interface Input extends Part {
  /** Whether a serial belongs to a recent event that the app received. */
  isAnswer(serial: number): boolean;
  /** Whether a button, a finger or a pen is down in one of the app's windows. */
  isPressed(): boolean;
  /** Forgets what is down: the compositor has taken it over for a drag, move or resize. */
  forgetPresses(): void;
  /** How often Escape was down in the app's windows. */
  escapes(): number;
}

/** Makes the input of a connection. `release`: returns the events to send the app before a key or a button. */
export function createInput(
  { session, release }: { session: WaylandSession; release(): Addition[] },
): Input {
  const { attention, closing } = session;
  /** The keyboards that have the focus, each with its surface. */
  const focused = new Map<WaylandObject, WaylandObject>();
  /** The surface that each pointer or pen is over. */
  const pointed = new WeakMap<WaylandObject, WaylandObject | undefined>();
  const serials: number[] = [];
  /** What is down: the device that reported it, and the surface. */
  let presses: readonly { device: WaylandObject; what: number | "pen"; surface: WaylandObject | undefined }[] = [];

  let escapes = 0;
  const noteKey = (key: number | undefined): void => void (escapes += Number(key === escapeKey));
  const noteSerial = (serial: number | undefined): void => {
    if (serial !== undefined) serials.push(serial);
    if (serials.length > maxSerials) serials.shift();
  };
  const used = (): Verdict<never> | undefined => {
    attention.recordInput();
    session.wake();
    const before = release();
    return before.length > 0 ? { before } : undefined;
  };
  const forget = ({ object }: { object: WaylandObject }): void =>
    void (presses = presses.filter(({ device, surface }) => device !== object && surface !== object));
  const lift = (object: WaylandObject, what: number | "pen"): void =>
    void (presses = presses.filter((press) => press.device !== object || press.what !== what));
  const press = (
    object: WaylandObject,
    { what, surface = pointed.get(object) }: { what: number | "pen"; surface?: WaylandObject | undefined },
  ) => {
    if (presses.length < maxPresses && !surface?.isEnded) presses = [...presses, { device: object, what, surface }];
    return used();
  };
  const blur = (keyboard: WaylandObject): void => {
    if (focused.delete(keyboard)) attention.focus(attention.focused() - 1);
  };
  const setPointed: Handler<"wl_pointer.enter" | "zwp_tablet_tool_v2.proximity_in"> = (
    { object, args: { surface } },
  ) => void pointed.set(object, surface);
  const button: Handler<"wl_pointer.button" | "zwp_tablet_tool_v2.button"> = ({ object, args: { button, state } }) =>
    state === pressed ? press(object, { what: button }) : lift(object, button);
  /** The handlers of events, apart from their serials. */
  const own: Input["handlers"] = {
    "wl_keyboard.enter": ({ object, args: { surface, keys } }) => {
      new Uint32Array(keys.slice(0, keys.length & ~3).buffer).forEach(noteKey);
      if (!surface || surface.isEnded) return blur(object);
      if (!focused.has(object)) attention.focus(attention.focused() + 1);
      focused.set(object, surface);
    },
    "wl_keyboard.leave": ({ object }) => blur(object),
    "wl_keyboard.key": ({ args: { key, state } }) => {
      if (state !== pressed) return undefined;
      noteKey(key);
      return used();
    },
    "wl_pointer.enter": setPointed,
    // While a button is down, the pointer leaves a window only if the compositor has grabbed it. GTK 3 sets the
    // clipboard with its latest serial, which may be that of this event.
    "wl_pointer.leave": forget,
    "wl_pointer.button": (message) => {
      closing.recordClick();
      return button(message);
    },
    "wl_touch.down": ({ object, args: { surface, id } }) => press(object, { what: id, surface }),
    "wl_touch.up": ({ object, args: { id } }) => {
      closing.recordClick();
      lift(object, id);
    },
    "wl_touch.cancel": forget,
    "zwp_tablet_tool_v2.proximity_in": setPointed,
    "wl_data_device.enter": () => {},
    "zwp_tablet_tool_v2.down": ({ object }) => press(object, { what: "pen" }),
    "zwp_tablet_tool_v2.up": ({ object }) => lift(object, "pen"),
    "zwp_tablet_tool_v2.button": button,
    "zwp_tablet_tool_v2.proximity_out": forget,
    "zwp_tablet_tool_v2.removed": forget,
  };
  const handlers = Object.fromEntries(
    Object.entries(own).map(([name, handle]) => {
      const noting = (message: { args: { serial?: number } }) => {
        noteSerial(message.args.serial);
        return handle(message as never);
      };
      return [name, noting];
    }),
  );
  return {
    handlers,
    isAnswer: (serial) => serials.includes(serial),
    isPressed: () => presses.length > 0,
    forgetPresses: () => void (presses = []),
    escapes: () => escapes,
    ended(object) {
      blur(object);
      forget({ object });
      if (object.type.name !== "wl_surface") return;
      // The compositor may send no `leave`.
      for (const [keyboard, surface] of focused) if (surface === object) blur(keyboard);
    },
  };
}
