/** Keyboard, pointer, touch and tablet, as far as they show that the user works in the app's windows. */

import type { Addition, Part, Verdict, WaylandObject } from "./objects.ts";
import type { WaylandSession } from "./session.ts";

/** The state of a key or a button that is down. */
const pressed = 1;
/** `KEY_ESC` of Linux. */
const escapeKey = 1;
/** How many of the compositor's last events an app may answer to. */
const maxSerials = 256;
/** Buttons and fingers that are down. */
const maxPresses = 64;

/** The input of a connection. Its handlers are for objects that the app has not ended. */
export interface Input extends Part {
  /** Whether a serial is that of an event that the app has got. */
  isAnswer(serial: number): boolean;
  /** Whether a button, a finger or a pen is down in a window of the app's. */
  isPressed(): boolean;
  /** What is down counts no longer: the compositor has it, to drag something. */
  forgetPresses(): void;
  /** How often Escape was seen to be down in the app's windows. */
  escapes(): number;
}

/** Makes the input of a connection. `release`: what the app is told before a key or a button. */
export function createInput(
  { session, release }: { session: WaylandSession; release(): Addition[] },
): Input {
  const { attention, closing } = session;
  /** The keyboards that have the focus, and on which surface. */
  const focused = new Map<WaylandObject, WaylandObject>();
  /** The surface on which a pointer or a pen is. */
  const pointed = new WeakMap<WaylandObject, WaylandObject | undefined>();
  const serials: number[] = [];
  /** What is down, by which object that is reported, and on which surface. */
  let presses: readonly { device: WaylandObject; what: number | "pen"; surface: WaylandObject | undefined }[] = [];

  let escapes = 0;
  const noteKey = (key: number | undefined): void => void (escapes += Number(key === escapeKey));
  const noteSerial = (serial: number): void => {
    serials.push(serial);
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
  const handlers: Input["handlers"] = {
    "wl_keyboard.enter": ({ object, args: { serial, surface, keys } }) => {
      noteSerial(serial);
      new Uint32Array(keys.slice(0, keys.length & ~3).buffer).forEach(noteKey);
      if (!surface || surface.isEnded) return blur(object);
      if (!focused.has(object)) attention.focus(attention.focused() + 1);
      focused.set(object, surface);
    },
    "wl_keyboard.leave": ({ object, args: { serial } }) => {
      noteSerial(serial);
      blur(object);
    },
    "wl_keyboard.key": ({ args: { serial, key, state } }) => {
      noteSerial(serial);
      if (state !== pressed) return undefined;
      noteKey(key);
      return used();
    },
    "wl_pointer.enter": ({ object, args: { serial, surface } }) => {
      noteSerial(serial);
      pointed.set(object, surface);
    },
    // While a button is down, the pointer leaves a window only if the compositor has taken the button. GTK 3 copies with
    // the serial of what it has heard last, as this.
    "wl_pointer.leave": ({ object, args: { serial } }) => {
      noteSerial(serial);
      forget({ object });
    },
    "wl_pointer.button": ({ object, args: { serial, button, state } }) => {
      noteSerial(serial);
      closing.recordClick();
      return state === pressed ? press(object, { what: button }) : lift(object, button);
    },
    "wl_touch.down": ({ object, args: { serial, surface, id } }) => {
      noteSerial(serial);
      return press(object, { what: id, surface });
    },
    "wl_touch.up": ({ object, args: { serial, id } }) => {
      noteSerial(serial);
      closing.recordClick();
      return lift(object, id);
    },
    "wl_touch.cancel": forget,
    "zwp_tablet_tool_v2.proximity_in": ({ object, args: { serial, surface } }) => {
      noteSerial(serial);
      pointed.set(object, surface);
    },
    "wl_data_device.enter": ({ args: { serial } }) => noteSerial(serial),
    "zwp_tablet_tool_v2.down": ({ object, args: { serial } }) => {
      noteSerial(serial);
      return press(object, { what: "pen" });
    },
    "zwp_tablet_tool_v2.up": ({ object }) => lift(object, "pen"),
    "zwp_tablet_tool_v2.button": ({ object, args: { serial, button, state } }) => {
      noteSerial(serial);
      return state === pressed ? press(object, { what: button }) : lift(object, button);
    },
    "zwp_tablet_tool_v2.proximity_out": forget,
    "zwp_tablet_tool_v2.removed": forget,
  };
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
      // The compositor may say nothing of it.
      for (const [keyboard, surface] of focused) if (surface === object) blur(keyboard);
    },
  };
}
