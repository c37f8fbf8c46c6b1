/**
 * What is dragged over the app's windows, and dropped there. Host files are offered as a list and as no other type:
 * others would reveal the host's paths. The app gets the list that `GivenFiles` makes of it, once the compositor
 * reports the drop, and only once.
 */

import { listType } from "./dropped_files.ts";
import { dropped, type Part, type WaylandObject } from "./objects.ts";
import type { Incoming } from "./offers.ts";
import { copyAction, type Drag, type SecondDrags } from "./second_drag.ts";

/** The list for an app that reads it before the drop: the app sees that it is a list of files, and accepts the drag. */
const earlyList = "file:///dev/null\r\n";

/** How long an app may ask for dropped files, in milliseconds. */
const dropMs = 10_000;

/** The offer of a drag: each of the app's devices has its own. */
interface Dragged {
  /** The drag, which all devices share; `isTaken`: the app has asked for the files that were dropped. */
  drag: { droppedMs: number; isTaken: boolean };
  /** The host's list, read because the app asked for it before the drop. */
  early?: Promise<string>;
}

/** Makes the drags over a connection's windows. */
export function createDraggingIn({ session, offers, own }: Incoming, secondDrags: SecondDrags): Part {
  const { attention, givenFiles, now } = session;
  /** Where each device has reported a drag. */
  const over = new Map<WaylandObject, Drag>();
  const dragged = new WeakMap<WaylandObject, Dragged>();
  /** The last drag, and the devices that have reported it. */
  let thisDrag: Dragged["drag"];
  const entered = new Set<WaylandObject>();
  return {
    handlers: {
      "wl_data_device.enter": ({ object, args: { serial, surface, x, y, id } }) => {
        over.delete(object);
        if (!id) return undefined;
        if (surface) over.set(object, { offer: id, serial, surface, x, y });
        if (entered.has(object)) entered.clear();
        if (entered.size === 0) thisDrag = { droppedMs: -Infinity, isTaken: false };
        entered.add(object);
        dragged.set(id, { ...dragged.get(id), drag: thisDrag });
        offers.of(id).state = "dragged";
        if (offers.mayBeFiles(id)) offers.addList(id, { alone: true });
        return { before: offers.announce(id) };
      },
      "wl_data_device.motion": ({ object, args: { x, y } }) => void Object.assign(over.get(object) ?? {}, { x, y }),
      "wl_data_device.leave": ({ object }) => void over.delete(object),
      "wl_data_device.drop": ({ object }) => {
        attention.recordInput();
        const drag = over.get(object);
        if (!drag) return undefined;
        const found = dragged.get(drag.offer)!;
        found.drag.droppedMs = now();
        if (!found.early || found.drag.isTaken) return void (offers.of(drag.offer).state = "dropped");
        found.drag.isTaken = true;
        over.delete(object);
        secondDrags.begin(object, drag, found.early.then((list) => givenFiles!.lendDropped(list)));
        return dropped;
      },
      "wl_data_offer.receive": ({ object, args: { mime_type: type, fd: pipe } }) => {
        const found = dragged.get(object);
        const { types, state } = offers.of(object);
        if (!found || types.get(type) !== listType) return;
        const { drag, early } = found;
        if (state === "dropped") {
          const mayTake = !drag.isTaken && now() - drag.droppedMs < dropMs;
          if (mayTake) drag.isTaken = givenFiles!.take(pipe, "dropped", own.answer);
        } else if (!early && pipe.writers.size > 0) {
          found.early = givenFiles!.read(pipe);
          found.early.then(() => {
            own.answer(pipe, earlyList);
            own.answer(pipe, undefined);
          });
        }
      },
      // A host program that is told that its files were moved may delete them. An app that is offered `move` asks for
      // nothing else (Chromium 156).
      "wl_data_offer.source_actions": ({ object, args: { source_actions: actions } }) =>
        offers.isHostsList(object) ? { args: { source_actions: actions & copyAction } } : undefined,
      "wl_data_offer.set_actions": ({ object, args: { dnd_actions: actions, preferred_action: preferred } }) =>
        offers.isHostsList(object)
          ? { args: { dnd_actions: actions & copyAction, preferred_action: preferred & copyAction } }
          : undefined,
    },
    ended(object) {
      over.delete(object);
      entered.delete(object);
    },
  };
}
