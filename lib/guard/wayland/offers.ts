/**
 * Offers: what an app can receive of a clipboard, a primary selection, or a drag. It is told only of types that pass,
 * and gets the data of a selection while the user works in its windows, and of a drag once that is dropped.
 */

import { countedPassage } from "../crossings.ts";
import { Violation } from "../faults.ts";
import { linkTypes, listType } from "./dropped_files.ts";
import { type Addition, alsoPrimary, dropped, type Part, type WaylandObject } from "./objects.ts";
import type { ObjectTable } from "./object_table.ts";
import type { OwnMessages } from "./own_messages.ts";
import type { WaylandSession } from "./session.ts";
import { maxTypes } from "./sources.ts";

/** Types that file managers offer besides the list when files are copied: GTK's, Qt's, and the portal's. */
const fileTypes =
  /^(?:x-special\/.*-copied-files|application\/(?:x-kde-cutselection|x-kde4-urilist|vnd\.portal\.file.*))$/;

class Offer {
  /** The types that the app was told, or will be: the app's name of each, and the host's. */
  types = new Map<string, string>();
  /**
   * Types that the app is not told yet: until the user works in its windows, or, since dragged files are offered as a
   * list only, until the host has said whether this is a selection or a drag.
   */
  withheld: string[] = [];
  /** It comes from an app in the same container. */
  isOwn = false;
  /** The mark of the text that the user has carried here, if it is that. */
  carriedMark?: string;
  /** Whether it offers a list; whether that is of a link; whether a file manager says that it is of files. */
  hasList = false;
  isLink = false;
  isOfFiles = false;
  /** `selected`: clipboard or primary selection; `dragged`: over a window of the app; `dropped`: on such a window. */
  state: "announced" | "selected" | "dragged" | "dropped" = "announced";
}

export interface Offers extends Part {
  of(object: WaylandObject): Offer;
  /** Tells the app of the types that were withheld. */
  announce(object: WaylandObject): Addition[];
  /** Whether a list comes from the host; and whether it may be of files, to be lent to the app. */
  isHostsList(object: WaylandObject): boolean;
  mayBeFiles(object: WaylandObject): boolean;
  /** Adds a list of files to what the app will be told; `alone`: as the only type. */
  addList(object: WaylandObject, how: { alone: boolean }): void;
  /** Whether the app may receive data of a selection now. Counts that. */
  mayPaste(object: WaylandObject): boolean;
  /** Makes a second offer of what was dropped, for the same one of the compositor's. */
  renew(object: WaylandObject): WaylandObject;
}

/** What it takes to let an app receive what it is offered. */
export interface Incoming {
  session: WaylandSession;
  offers: Offers;
  own: OwnMessages;
}

/** Makes the offers of a connection: there are none. `renew`: makes a second object for the app. */
export function createOffers(session: WaylandSession, renew: ObjectTable["renew"]): Offers {
  const { attention, carrying, clipboard, crossings, dataMark, givenFiles, innerType, rates } = session;
  const offers = new WeakMap<WaylandObject, Offer>();
  const of = (object: WaylandObject): Offer => offers.get(object)!;
  const isHostsList = (object: WaylandObject): boolean => of(object).hasList && !of(object).isOwn;
  const mayPaste = (object: WaylandObject): boolean =>
    !of(object).isOwn && of(object).state === "selected" && attention.isUsed() && rates.paste();

  return {
    handlers: {
      "wl_data_device.data_offer": ({ args: { id } }) => void offers.set(id, new Offer()),
      "zwp_primary_selection_device_v1.data_offer": ({ args: { offer } }) => void offers.set(offer, new Offer()),
      // The host offers a type of data.
      ...alsoPrimary("offer.offer", ({ object, args: { mime_type: outer } }) => {
        const found = of(object);
        if (outer === dataMark) found.isOwn = true;
        if (carrying.isMark(outer)) found.carriedMark = outer;
        if (outer === listType) found.hasList = true;
        if (linkTypes.has(outer)) found.isLink = true;
        if (fileTypes.test(outer)) found.isOfFiles = true;
        const type = innerType(outer);
        const isClosed = !clipboard.in && !outer.startsWith(`${dataMark};`);
        if (isClosed || type === undefined || found.types.size >= maxTypes) return dropped;
        found.types.set(type, outer);
        const isCopied = object.type.name === "wl_data_offer";
        const isWithheld = isCopied ? givenFiles && found.state === "announced" : !attention.isUsed();
        if (!isWithheld) return type === outer ? undefined : { args: { mime_type: type } };
        found.withheld.push(type);
        return dropped;
      }),
      ...alsoPrimary("offer.receive", ({ object, args: { mime_type: type, fd: pipe } }) => {
        const { types, withheld, isOwn, carriedMark, state } = of(object);
        const outer = types.get(type);
        if (outer === undefined || withheld.length > 0) throw new Violation("it wants data that it was not offered");
        // Lists of files are not passed on, but given by `selections.ts` and `dragging_in.ts`.
        const mayRead = outer !== listType && (isOwn || state === "dropped" || mayPaste(object));
        const isOver = carriedMark !== undefined && !clipboard.in && !carrying.isReadable();
        // It may have been offered while the clipboard was open.
        const isOpen = (): boolean => clipboard.in || carriedMark !== undefined;
        if (!mayRead || isOver) pipe.mayPass = () => false;
        else if (!isOwn) pipe.mayPass = countedPassage(crossings, { direction: "in", type: outer, isOpen });
        return outer === type ? undefined : { args: { mime_type: outer } };
      }),
      "wl_data_offer.accept": ({ object, args: { mime_type: type } }) =>
        type === null ? undefined : { args: { mime_type: of(object).types.get(type) ?? null } },
    },
    of,
    announce: (object) => of(object).withheld.splice(0).map((type) => [object, "offer", type]),
    isHostsList,
    mayBeFiles: (object) => givenFiles !== undefined && isHostsList(object) && !of(object).isLink,
    addList(object, { alone }) {
      const { types, withheld } = of(object);
      Object.assign(of(object), {
        types: new Map([...alone ? [] : types, [listType, listType]]),
        withheld: [...alone ? [] : withheld, listType],
      });
    },
    mayPaste,
    renew(object) {
      const again = renew(object);
      offers.set(again, { ...of(object), state: "dropped" });
      return again;
    },
  };
}
