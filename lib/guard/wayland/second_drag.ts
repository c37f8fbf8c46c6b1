/**
 * A drag that an app is shown once more. Browsers read what is dragged while it is over their window, and not again
 * when it is dropped. So once files are dropped on such an app, and lent, the drag leaves its window and comes back
 * with the list of lent files. When the app has read and accepted that, they are dropped.
 *
 * The compositor knows of one drag, which was dropped, and of one offer: of the app's messages to the second offer, it
 * gets that it is read, and that the app is done; of those to the first one, only that both have ended.
 */

import { type Addition, dropped, type Part, type WaylandObject } from "./objects.ts";

/** How often the pointer seems to move until the app has said that it takes the list, in milliseconds; how many times. */
const [moveMs, maxMoves] = [50, 200];

/** Copying, see `wl_data_device_manager.dnd_action`. */
const copyAction = 1;

export interface Drag {
  offer: WaylandObject;
  /** Of the event that it is there. */
  serial: number;
  surface: WaylandObject;
  x: number;
  y: number;
}

/** A second drag, and how the app has answered it. */
class SecondDrag {
  timer?: ReturnType<typeof setInterval>;
  isAccepted = false;
  actions = copyAction;
  /** It has got the list. */
  isRead = false;
  /** It has said something since then. */
  isHeard = false;
}

export interface SecondDrags extends Part {
  /** Begins one of what was dropped, once there is something for the app. */
  begin(device: WaylandObject, drag: Drag, lent: Promise<string>): Promise<void>;
  /** Another drag begins. Returns what the app is told before. */
  cancel(device: WaylandObject): Addition[];
  /** The app has got the list. */
  read(offer: WaylandObject): void;
}

/**
 * Makes the second drags of a connection; there are none yet.
 *
 * @param options `listType`: what the app is offered; `renew`: makes an offer anew; `say`: tells the app something by
 * itself; `fail`: the app has not got the list, or not taken it
 */
export function createSecondDrags(
  { listType, renew, say, fail }: {
    listType: string;
    renew(offer: WaylandObject): WaylandObject;
    say(events: readonly Addition[]): void;
    fail(): void;
  },
): SecondDrags {
  /** Those that go on, by their devices. */
  const running = new Map<WaylandObject, SecondDrag>();
  /** The same, by their second offers. */
  const answers = new WeakMap<WaylandObject, SecondDrag>();
  /** The first and the second offer of each, both ways: one object of the compositor's. */
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
      "wl_data_offer.accept": ({ object, args: { mime_type: type } }) => hear(object, { isAccepted: type !== null }),
      "wl_data_offer.set_actions": ({ object, args: { dnd_actions: actions } }) => hear(object, { actions }),
      "wl_data_offer.finish": ({ object }) => others.has(object) && !answers.has(object) ? dropped : undefined,
      // Once both have ended.
      "wl_data_offer.destroy": ({ object }) => others.get(object)?.isEnded === false ? dropped : undefined,
      // Some compositors say so after a drop.
      "wl_data_device.leave": ({ object }) => running.has(object) ? dropped : undefined,
    },
    async begin(device, { offer, serial, surface, x, y }, lent) {
      const drag = new SecondDrag();
      running.set(device, drag);
      const isLent = await lent !== "";
      if (running.get(device) !== drag) return;
      if (!isLent || surface.isEnded || offer.isEnded) {
        stop(device);
        say([[device, "leave"]]);
        return fail();
      }
      const again = renew(offer);
      others.set(offer, again).set(again, offer);
      answers.set(again, drag);
      const knowsActions = again.version >= 3;
      const events: Addition[] = [[device, "leave"], [device, "data_offer", again], [again, "offer", listType]];
      if (knowsActions) events.push([again, "source_actions", copyAction]);
      events.push([device, "enter", serial, surface, x, y, again]);
      if (knowsActions) events.push([again, "action", copyAction]);
      say(events);
      let moves = 0;
      drag.timer = setInterval(() => {
        const isTaken = drag.isRead && drag.isHeard && drag.isAccepted && (drag.actions & copyAction) !== 0;
        if (!isTaken && !surface.isEnded && ++moves < maxMoves) return say([[device, "motion", moves * moveMs, x, y]]);
        stop(device);
        say([[device, isTaken ? "drop" : "leave"]]);
        if (!isTaken) fail();
      }, moveMs);
    },
    cancel(device) {
      if (!running.has(device)) return [];
      stop(device);
      return [[device, "leave"]];
    },
    read(offer) {
      const answer = answers.get(offer);
      if (answer) Object.assign(answer, { isRead: true, isHeard: false });
    },
    ended: stop,
  };
}
