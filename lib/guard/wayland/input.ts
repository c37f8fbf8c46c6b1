/** Keyboard, pointer, touch and tablet, as far as they show that the user works in the app's windows. */

import type { Addition, Handler, Part, Verdict, WaylandObject } from "./objects.ts";
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
  /** What an event says besides its serial. */
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
    // While a button is down, the pointer leaves a window only if the compositor has taken the button. GTK 3 copies with
    // the serial of what it has heard last, as this.
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
      // The compositor may say nothing of it.
      for (const [keyboard, surface] of focused) if (surface === object) blur(keyboard);
    },
  };
}
