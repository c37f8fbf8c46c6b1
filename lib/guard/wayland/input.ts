/** Keyboard, pointer, touch and tablet: what of them says that the user works in the app's windows. */

import type { Addition } from "./border.ts";
import type { Message, WaylandObject } from "./connection.ts";
import type { ArgumentValue } from "./messages.ts";
import type { MessageVerdict } from "./policy.ts";
import type { WaylandSession } from "./session.ts";

/** How many of the compositor's last events an app may answer to. */
const maxSerials = 256;
/** Buttons and fingers that are down on one device. */
const maxPresses = 64;

/** The input of a connection. */
export interface Input {
  /** By the names of events, for objects that the app has not ended. */
  handlers: Record<string, (message: Message) => MessageVerdict | undefined | void>;
  /** Whether a serial is that of an event that the app has got. */
  isAnswer(serial: ArgumentValue): boolean;
  /** Whether a button, a finger or a pen is down in a window of the app's. */
  isPressed(): boolean;
  /** What is down counts no longer: the compositor has it, to drag something. */
  forgetPresses(): void;
  /** An object ends. */
  ended(object: WaylandObject): void;
  /** The connection has ended. */
  end(): void;
}

/** No input yet. `release`: what the app hears of before a key or a button. */
export function createInput(
  { session: { attention, closing }, release }: { session: WaylandSession; release(): Addition[] },
): Input {
  /** The keyboards that have the focus, and on which surface. */
  const focused = new Map<WaylandObject, WaylandObject>();
  /** The surface on which a pointer or a pen is. */
  const pointed = new WeakMap<WaylandObject, WaylandObject | undefined>();
  const serials: number[] = [];
  /** What is down, and on which surface, by the object that reports it. */
  const presses = new Map<WaylandObject, Map<ArgumentValue, WaylandObject | undefined>>();

  const noteSerial = (serial: ArgumentValue): void => {
    serials.push(serial as number);
    if (serials.length > maxSerials) serials.shift();
  };
  const used = (): MessageVerdict | undefined => {
    attention.recordInput();
    const before = release();
    return before.length > 0 ? { before } : undefined;
  };
  const forget = ({ object }: Pick<Message, "object">): void => void presses.delete(object);
  const lift = (object: WaylandObject, what: ArgumentValue): void => {
    const down = presses.get(object);
    down?.delete(what);
    if (down?.size === 0) presses.delete(object);
  };
  const press = (
    object: WaylandObject,
    { what, surface = pointed.get(object) }: { what: ArgumentValue; surface?: WaylandObject | undefined },
  ) => {
    const down = presses.get(object) ?? new Map();
    if (down.size < maxPresses && !surface?.isEnded) presses.set(object, down.set(what, surface));
    return used();
  };
  const blur = (keyboard: WaylandObject): void => {
    if (focused.delete(keyboard)) attention.focus(attention.focused() - 1);
  };
  return {
    handlers: {
      "wl_keyboard.enter": ({ object, values, objects: [, surface] }) => {
        noteSerial(values[0]!);
        if (!surface || surface.isEnded) return blur(object);
        if (!focused.has(object)) attention.focus(attention.focused() + 1);
        focused.set(object, surface);
      },
      "wl_keyboard.leave": ({ object }) => blur(object),
      "wl_keyboard.key": ({ values }) => {
        noteSerial(values[0]!);
        return values[3] === 1 ? used() : undefined;
      },
      "wl_pointer.enter": ({ object, values, objects: [, surface] }) => {
        noteSerial(values[0]!);
        pointed.set(object, surface);
      },
      // While a button is down, the pointer leaves a window only if the compositor has taken the button.
      "wl_pointer.leave": forget,
      "wl_pointer.button": ({ object, values }) => {
        noteSerial(values[0]!);
        closing.recordClick();
        return values[3] === 1 ? press(object, { what: values[2]! }) : lift(object, values[2]!);
      },
      "wl_touch.down": ({ object, values, objects: [, , surface] }) => {
        noteSerial(values[0]!);
        return press(object, { what: values[3]!, surface });
      },
      "wl_touch.up": ({ object, values }) => {
        noteSerial(values[0]!);
        closing.recordClick();
        return lift(object, values[2]!);
      },
      "wl_touch.cancel": forget,
      "zwp_tablet_tool_v2.proximity_in": ({ object, objects: [, , surface] }) => void pointed.set(object, surface),
      "zwp_tablet_tool_v2.down": ({ object, values }) => {
        noteSerial(values[0]!);
        return press(object, { what: null });
      },
      "zwp_tablet_tool_v2.up": ({ object }) => lift(object, null),
      "zwp_tablet_tool_v2.button": ({ object, values }) => {
        noteSerial(values[0]!);
        return values[2] === 1 ? press(object, { what: values[1]! }) : lift(object, values[1]!);
      },
      "zwp_tablet_tool_v2.proximity_out": forget,
      "zwp_tablet_tool_v2.removed": forget,
    },
    isAnswer: (serial) => serials.includes(serial as number),
    isPressed: () => presses.size > 0,
    forgetPresses: () => presses.clear(),
    ended(object) {
      blur(object);
      forget({ object });
      if (object.type.name !== "wl_surface") return;
      // The compositor may say nothing of it.
      for (const [keyboard, surface] of focused) if (surface === object) blur(keyboard);
      for (const [device, down] of presses) {
        for (const [what, surface] of down) if (surface === object) lift(device, what);
      }
    },
    end() {
      for (const keyboard of focused.keys()) blur(keyboard);
    },
  };
}
