/**
 * A second drag for apps that read the list of files too early. Browsers read it while the drag is over their window,
 * and not again at the drop. So once files are dropped on such an app, and lent, the guard sends it a `leave`, and an
 * `enter` with the list of lent files. When the app has read and accepted that, it gets the `drop`.
 *
 * The compositor knows only the first drag, which was dropped, and one offer. Of the app's answers on both offers, only
 * `receive` and `finish` on the second pass, and one `destroy` once both are destroyed.
 */

import { listType } from "./dropped_files.ts";
import { type Addition, dropped, type Part, type WaylandObject } from "./objects.ts";
import type { Incoming } from "./offers.ts";

/** Shown when an app did not take files that were lent. If lending failed, another line has said why. */
const notTaken = "An app has not taken the files that were dropped on it. If no other line says why, drop them again";

/** The interval of `motion` events until the app accepts the list, in milliseconds, and their maximum number. */
const motions = { everyMs: 50, max: 200 };

/** `wl_data_device_manager.dnd_action.copy`. */
export const copyAction = 1;

export interface Drag {
  offer: WaylandObject;
  /** The serial of its `enter`. */
  serial: number;
  surface: WaylandObject;
  x: number;
  y: number;
}

/** A second drag, and the app's answers to it. */
class SecondDrag {
  constructor(readonly lent: Promise<string>) {}
  timer?: ReturnType<typeof setInterval>;
  isAccepted = false;
  actions = copyAction;
  /** The app has received the list. */
  isRead = false;
  /** The app has got a `motion` since then. */
  isAsked = false;
  /** The app has answered since then: an answer on its way when it received the list says nothing about that. */
  isHeard = false;
}

export interface SecondDrags extends Part {
  /** Begins a second drag after a drop, once the files are lent. */
  begin(device: WaylandObject, drag: Drag, lent: Promise<string>): Promise<void>;
}

/** Makes the second drags of a connection. */
export function createSecondDrags({ session: { givenFiles, tell }, offers, own }: Incoming): SecondDrags {
  /** The drags in progress, by device. */
  const running = new Map<WaylandObject, SecondDrag>();
  /** The drags by their second offer. */
  const answers = new WeakMap<WaylandObject, SecondDrag>();
  /** Maps the first offer of each to the second, and back: both stand for one object of the compositor. */
  const others = new WeakMap<WaylandObject, WaylandObject>();
  const hear = (offer: WaylandObject, heard: Partial<SecondDrag>): typeof dropped | undefined => {
    const answer = answers.get(offer);
    if (answer) Object.assign(answer, heard, { isHeard: true });
    return others.has(offer) ? dropped : undefined;
  };
  const stop = (device: WaylandObject): void => {
    clearInterval(running.get(device)?.timer);
    running.delete(device);
  };
  return {
    handlers: {
      "wl_data_offer.receive": ({ object, args: { mime_type: type, fd: pipe } }) => {
        const drag = answers.get(object);
        if (!drag || type !== listType) return;
        Promise.all([drag.lent, givenFiles!.read(pipe)]).then(([list]) => {
          own.answer(pipe, list);
          own.answer(pipe, undefined);
          Object.assign(drag, { isRead: true, isAsked: false });
        });
      },
      "wl_data_offer.accept": ({ object, args: { mime_type: type } }) => hear(object, { isAccepted: type !== null }),
      "wl_data_offer.set_actions": ({ object, args: { dnd_actions: actions } }) => hear(object, { actions }),
      "wl_data_offer.finish": ({ object }) => others.has(object) && !answers.has(object) ? dropped : undefined,
      // Passes once both are destroyed.
      "wl_data_offer.destroy": ({ object }) => others.get(object)?.isEnded === false ? dropped : undefined,
      // Another drag ends it.
      "wl_data_device.enter": ({ object }) => {
        if (!running.has(object)) return undefined;
        stop(object);
        return { before: [[object, "leave"]] };
      },
      // Some compositors send it after a drop.
      "wl_data_device.leave": ({ object }) => running.has(object) ? dropped : undefined,
    },
    async begin(device, { offer, serial, surface, x, y }, lent) {
      const drag = new SecondDrag(lent);
      running.set(device, drag);
      const isLent = await lent !== "";
      if (running.get(device) !== drag) return;
      if (!isLent || surface.isEnded || offer.isEnded) {
        stop(device);
        own.say([[device, "leave"]]);
        return tell(notTaken);
      }
      const again = offers.renew(offer);
      others.set(offer, again).set(again, offer);
      answers.set(again, drag);
      const knowsActions = again.version >= 3;
      const events: Addition[] = [[device, "leave"], [device, "data_offer", again], [again, "offer", listType]];
      if (knowsActions) events.push([again, "source_actions", copyAction]);
      events.push([device, "enter", serial, surface, x, y, again]);
      if (knowsActions) events.push([again, "action", copyAction]);
      own.say(events);
      let moves = 0;
      drag.timer = setInterval(() => {
        const { isAsked, isHeard, isAccepted } = drag;
        const isTaken = isAsked && isHeard && isAccepted && (drag.actions & copyAction) !== 0;
        if (!isTaken && !surface.isEnded && ++moves < motions.max) {
          if (drag.isRead && !isAsked) Object.assign(drag, { isAsked: true, isHeard: false });
          return own.say([[device, "motion", moves * motions.everyMs, x, y]]);
        }
        stop(device);
        own.say([[device, isTaken ? "drop" : "leave"]]);
        if (!isTaken) tell(notTaken);
      }, motions.everyMs);
    },
    ended: stop,
  };
}
