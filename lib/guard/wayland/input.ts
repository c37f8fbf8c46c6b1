/** Keyboard, pointer, touch and tablet events, from which the guard knows that the user works in the app's windows. */

import type { Addition, Handlers, Verdict, WaylandObject } from "./objects.ts";
import { createPresses, pressed, type Presses } from "./presses.ts";
import type { WaylandSession } from "./session.ts";

/** `KEY_ESC` of Linux. */
const escapeKey = 1;
/** How many of the compositor's last serials an app may use. */
const maxSerials = 256;

/** The input of a connection. Its handlers must not be called for objects that the app has ended. */
export interface Input extends Presses {
  /** Whether a serial belongs to a recent event that the app received. */
  isAnswer(serial: number): boolean;
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
  const serials: number[] = [];
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
  const blur = (keyboard: WaylandObject): void => {
    if (focused.delete(keyboard)) attention.focus(attention.focused() - 1);
  };
  const presses = createPresses(closing, used);
  /** The handlers of events, apart from their serials. */
  const own: Handlers = {
    ...presses.handlers,
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
    "wl_data_device.enter": () => {},
  };
  const noting = (handle: (message: never) => unknown) => (message: { args: { serial?: number } }) => {
    // GTK 3 sets the clipboard with its latest serial, which may be that of an event by which the pointer left.
    noteSerial(message.args.serial);
    return handle(message as never);
  };
  const handlers = Object.fromEntries(Object.entries(own).map(([name, handle]) => [name, noting(handle)]));
  return {
    ...presses,
    handlers,
    isAnswer: (serial) => serials.includes(serial),
    escapes: () => escapes,
    ended(object) {
      presses.ended?.(object);
      // The compositor may send no `leave` for a surface that ends.
      for (const pair of focused) if (pair.includes(object)) blur(pair[0]);
    },
  };
}
