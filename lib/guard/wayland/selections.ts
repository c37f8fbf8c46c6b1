/**
 * The host's clipboard and primary selection. They are announced to an app once the user works in its windows. Besides
 * text and pictures, it may paste files that were copied in a file manager, after a question; and the text that the
 * user carries across a closed clipboard, while it may be read.
 */

import { carriedType } from "./carrying.ts";
import { listType } from "./dropped_files.ts";
import { type Addition, dropped, type Part, type Verdict, type WaylandObject } from "./objects.ts";
import type { Incoming } from "./offers.ts";

export interface Selections extends Part {
  /** Called when the user works in a window. Returns the messages that were withheld until then. */
  release(): Addition[];
  /** Takes the events that a carried text has expired. */
  takeExpired(): Addition[];
}

/** Makes the selections of a connection: there are none. `replace`: called when a carried text replaces the app's. */
export function createSelections({ session, offers, own }: Incoming, replace: () => void): Selections {
  const { attention, carrying, clipboard, givenFiles } = session;
  /**
   * The selections that are not announced yet, by device. Qt and GTK 3 read a selection as soon as they get the focus,
   * and keep the result, even an empty one.
   */
  const waiting = new Map<WaylandObject, WaylandObject>();
  /** The devices that have announced the carried text. */
  const carried = new Set<WaylandObject>();
  /** The mark of the carried text that each device announced last. */
  const announcedMarks = new WeakMap<WaylandObject, string>();
  const announceOnceUsed = (device: WaylandObject, object: WaylandObject): Verdict<never> => {
    if (attention.isUsed()) return { before: offers.announce(object) };
    waiting.set(device, object);
    return dropped;
  };
  return {
    handlers: {
      "wl_data_device.selection": ({ object, args: { id } }) => {
        carried.delete(object);
        waiting.delete(object);
        const offer = id && offers.of(id);
        if (offer && clipboard.in && offers.mayBeFiles(id)) offers.addList(id, { alone: offer.isOfFiles });
        else givenFiles?.forget();
        if (!offer) return undefined;
        offer.state = "selected";
        if (clipboard.in || offer.carriedMark === undefined || !carrying.isReadable()) {
          return announceOnceUsed(object, id);
        }
        carried.add(object);
        offer.types.set(carriedType, carriedType);
        // A compositor announces it again at each focus: only the first time replaces what the app has copied.
        if (announcedMarks.get(object) !== offer.carriedMark) replace();
        announcedMarks.set(object, offer.carriedMark);
        return { before: [[id, "offer", carriedType]] };
      },
      "zwp_primary_selection_device_v1.selection": ({ object, args: { id } }) => {
        waiting.delete(object);
        if (!id) return undefined;
        offers.of(id).state = "selected";
        return offers.of(id).withheld.length === 0 ? undefined : announceOnceUsed(object, id);
      },
      "wl_data_offer.receive": ({ object, args: { mime_type: type, fd: pipe } }) => {
        const { types, state } = offers.of(object);
        if (types.get(type) !== listType || state !== "selected" || !offers.mayPaste(object) || !clipboard.in) return;
        givenFiles!.take(pipe, "pasted", own.answer);
      },
    },
    release() {
      const released = [...waiting].flatMap(([device, object]): Addition[] => [
        ...offers.announce(object),
        [device, "selection", object],
      ]);
      waiting.clear();
      return released;
    },
    takeExpired() {
      if (carrying.isReadable()) return [];
      const events = [...carried].map((device): Addition => [device, "selection", undefined]);
      carried.clear();
      return events;
    },
    ended(object) {
      carried.delete(object);
      for (const pair of waiting) if (pair.includes(object)) waiting.delete(pair[0]);
    },
  };
}
