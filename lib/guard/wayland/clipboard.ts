/**
 * Clipboard, primary selection, and drag and drop. A source is what an app offers, an offer is what it can receive.
 * Only text and pictures reach the host (`dataTypes`). All other types stay within the container, as on X: the guard
 * prefixes them with the container's mark, and no host program asks for such types. While the clipboard is closed, it
 * prefixes all types, so that apps of the container can still copy and drag among themselves.
 *
 * Host files that are dragged over a window, or copied in a file manager, are offered as a list and as no other type:
 * others would reveal the host's paths. The app gets the list that `GivenFiles` makes of it: for a drop, once the
 * compositor reports it, and only once; for a paste, while the user works in its windows, after a question.
 *
 * Host programs cannot use the files that an app drags out: their list has a prefixed type. When such a drag ends
 * outside of the app's windows, the guard reads the list, and the run has the session's agent hand the files over by
 * the channel `files`, as if the app had opened them by xdg-open. An app may do that at any time, so a faked drag gains
 * it nothing; and the agent opens, reads and bounds what it names as there, in the container and as its user.
 */

import { Violation } from "../faults.ts";
import { dataTypes } from "../crossings.ts";
import { carriedType, type Copied } from "./carrying.ts";
import type { Descriptor } from "./descriptors.ts";
import { listType, readList } from "./dropped_files.ts";
import type { Input } from "./input.ts";
import { type Addition, dropped, type Handler, type Part, type Verdict, type WaylandObject } from "./objects.ts";
import { createSecondDrags, type Drag } from "./second_drag.ts";
import type { WaylandSession } from "./session.ts";
import type { Surfaces } from "./surfaces.ts";

/** The longest name of a type of data, in bytes, and the most types of a source or an offer. */
const maxTypeBytes = 256;
const maxTypes = 256;

/** The type that replaces one which the app did not offer. */
const unknownType = "application/x-gui-container";

/** Types that a browser offers besides the list when a link is dragged: such a list names no files. */
const linkTypes: ReadonlySet<string> = new Set(["text/html", "text/x-moz-url"]);

/** Types that file managers offer besides the list when files are copied: GTK's, Qt's, and the portal's. */
const fileTypes =
  /^(?:x-special\/.*-copied-files|application\/(?:x-kde-cutselection|x-kde4-urilist|vnd\.portal\.file.*))$/;

/** The type by which a password manager asks clipboard managers not to store a password. */
const secretHint = "x-kde-passwordManagerHint";

/** Shown when an app did not take files that were lent. If lending failed, another line has said why. */
const notTaken = "An app has not taken the files that were dropped on it. If no other line says why, drop them again";

/** The list for an app that reads it before the drop: the app sees that it is a list of files, and accepts the drag. */
const earlyList = "file:///dev/null\r\n";

/**
 * A drag ended outside if it left the app's windows at least this long before, in milliseconds: compositors also send
 * `leave` when a drag ends inside.
 */
const outMs = 300;

/** How long an app may ask for dropped files, in milliseconds. */
const dropMs = 10_000;

/** `wl_data_device_manager.dnd_action.copy`. */
const copyAction = 1;

/** The state of a drag over the windows of a connection. */
interface OfferedDrag {
  droppedMs: number;
  /** The app has asked for the files that were dropped. */
  isTaken: boolean;
}

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
  /** The host's list, read because the app asked for it before the drop. */
  early?: Promise<string>;
  /** The list of lent files that the app gets in the second drag. */
  lent?: Promise<string>;
  /** `selected`: clipboard or primary selection; `dragged`: over a window of the app; `dropped`: on such a window. */
  state: "announced" | "selected" | "dragged" | "dropped" = "announced";

  /** @param drag the drag that it belongs to: each of the app's devices has its own offer of a drag */
  constructor(public drag: OfferedDrag) {}
}

export interface Clipboard extends Part {
  /** Called when the user works in a window. Returns the messages that were withheld until then. */
  release(): Addition[];
  /** A separate part, which must come before this one. */
  secondDrags: Part;
  /**
   * Takes the events to send to the app: a carried text has expired, a selection was refused, or dropped files come in
   * a second drag.
   */
  takeNews(): Addition[];
}

/** Makes the clipboard of a connection; it is empty. */
export function createClipboard(
  { session, surfaces, input, readSource, answer, renew }: {
    session: WaylandSession;
    /** The connection's input, which is made after the clipboard. */
    input(): Input;
    surfaces: Surfaces;
    /** Asks the app for the data of a source. Returns a function that cancels the read. */
    readSource(source: WaylandObject, ...what: Parameters<Copied["read"]>): () => void;
    /** Writes a text into a pipe of the app, whose reader takes what the host sends; undefined closes it. */
    answer(pipe: Descriptor, text: string | undefined): void;
    /** Makes a second offer for the app that stands for the same offer of the compositor. */
    renew(offer: WaylandObject): WaylandObject;
  },
): Clipboard {
  const { clipboard, attention, rates, carrying, crossings, givenFiles } = session;
  /** Shown when an app copies or drags out files: host programs cannot use the container's paths. */
  const filesStay = `Files that an app copies ${session.takeOut ? "" : "or drags out "}stay in its container. ` +
    "To have one here, put it into the share, or open it there by xdg-open: with --allow files, it comes to your downloads";
  const offers = new WeakMap<WaylandObject, Offer>();
  const sourceTypes = new WeakMap<WaylandObject, Set<string>>();
  const marked = new WeakSet<WaylandObject>();
  /** The sources that passed as clipboard or primary selection, by the device that set them. */
  const selected = new Map<WaylandObject, WaylandObject>();
  /**
   * Selections of the host, which are announced to the app once the user works in its windows. Qt and GTK 3 read a
   * selection as soon as they get the focus, and keep the result, even an empty one.
   */
  const waiting = new Map<WaylandObject, WaylandObject>();
  /** Tells the app of the types that were withheld. */
  const tellTypes = (offered: WaylandObject): Addition[] =>
    offers.get(offered)!.withheld.splice(0).map((type) => [offered, "offer", type]);
  const tellOnceUsed = (device: WaylandObject, offered: WaylandObject): Verdict<never> => {
    if (attention.isUsed()) return { before: tellTypes(offered) };
    waiting.set(device, offered);
    return dropped;
  };
  const dragged = new Map<WaylandObject, Drag>();
  /** The last drag over the app's windows, and the devices that have reported it. */
  let thisDrag: OfferedDrag = { droppedMs: -Infinity, isTaken: false };
  const entered = new Set<WaylandObject>();
  const news: Addition[] = [];
  const say = (events: readonly Addition[]): void => {
    news.push(...events);
    session.wake();
  };
  const secondDrags = createSecondDrags({
    listType,
    renew(offer) {
      const again = renew(offer);
      offers.set(again, { ...offers.get(offer)!, state: "dropped" });
      return again;
    },
    say,
    fail: () => session.tell(notTaken),
  });
  /**
   * The app's last drag, which nobody has taken when it is cancelled; when it left the app's windows; and {@linkcode
   * Input.escapes} at its start.
   */
  let draggedOut: { source: WaylandObject; leftMs: number; escapes: number } | undefined;
  /** The devices that have announced the carried text. */
  const carried = new Set<WaylandObject>();
  /** The mark of the carried text that each device announced last. */
  const announcedMarks = new Map<WaylandObject, string>();
  /** The app's selection while the clipboard is closed to the host. */
  let kept: { source: WaylandObject; copied: Copied } | undefined;
  /** The types of a source, by the app's names. */
  const ownTypes = (source: WaylandObject): Set<string> =>
    new Set([...sourceTypes.get(source) ?? []].map((type) => session.innerType(type) ?? type));
  const keep = (source: WaylandObject | undefined): void => {
    if (carrying.copied === kept?.copied) carrying.copied = undefined;
    kept = source && {
      source,
      copied: { types: ownTypes(source), read: (...what) => readSource(source, ...what) },
    };
    if (kept) carrying.copied = kept.copied;
  };

  /** Whether a type stays within the container. */
  const isMarked = (type: string): boolean => type.startsWith(`${session.dataMark};`);
  const hasFiles = (source: WaylandObject): boolean => {
    const types = ownTypes(source);
    return types.has(listType) && ![...linkTypes].some((type) => types.has(type));
  };
  /** Reads the list of a drag that ended outside, before the app hears of its end. */
  const takeOut = async (source: WaylandObject, { escapes }: { escapes: number }): Promise<void> => {
    const list = await readList((reader) => readSource(source, listType, reader));
    say([[source, "cancelled"]]);
    // When Escape cancels a drag, GNOME sends the same events as for a drop outside. But then the keyboard focus
    // returns to the app's window with that key down (mutter 50).
    if (list !== "" && input().escapes() === escapes) session.takeOut!(list);
  };
  /** Marks a source as this container's. The mark is its last type, since an app may take the first that it finds. */
  const mark = (source: WaylandObject): Addition[] => {
    if (marked.has(source)) return [];
    marked.add(source);
    return [[source, "offer", session.dataMark]];
  };
  type SetSelection = Handler<"wl_data_device.set_selection" | "zwp_primary_selection_device_v1.set_selection">;
  const setSelection: SetSelection = ({ object, args: { source, serial } }) => {
    const isKept = !clipboard.out && object.type.name === "wl_data_device";
    if (!source) {
      if (isKept) keep(undefined);
      return selected.delete(object) ? undefined : dropped;
    }
    const isUsed = attention.isUsed() && input().isAnswer(serial);
    if (!isUsed) session.tell("Ignored: an app set the clipboard while you were not using its windows");
    if (!isUsed || !rates.copy()) {
      // Otherwise it would believe that it owns the selection, and paste its own data.
      say([[source, "cancelled"]]);
      return dropped;
    }
    if (isKept) keep(source);
    selected.set(object, source);
    if (clipboard.out && hasFiles(source)) session.tell(filesStay);
    return { before: mark(source) };
  };
  const offerType: Handler<"wl_data_source.offer" | "zwp_primary_selection_source_v1.offer"> = (
    { object, args: { mime_type: type } },
  ) => {
    const types = sourceTypes.get(object) ?? new Set();
    sourceTypes.set(object, types);
    if (types.size >= maxTypes || !isType(type)) return dropped;
    const passing = clipboard.out && type === secretHint ? type : session.outerType(type);
    if (passing === undefined) return dropped;
    types.add(passing);
    return passing === type ? undefined : { args: { mime_type: passing } };
  };
  const mute = (pipe: Descriptor): void => void (pipe.mayPass = () => false);
  /** Lets bytes pass while that direction is open, and records them; lets none pass when the history is full. */
  const letPass = (
    pipe: Descriptor,
    { isOpen, direction, type }: { isOpen(): boolean; direction: "in" | "out"; type: string },
  ): void => {
    if (dataTypes.has(type) && !crossings.mayCross()) return mute(pipe);
    let times = 1;
    pipe.mayPass = (bytes) => {
      if (!isOpen()) return false;
      crossings.add({ direction, type, times, bytes });
      times = 0;
      return true;
    };
  };
  /** The host asks for data that an app offers. */
  const send: Handler<"wl_data_source.send" | "zwp_primary_selection_source_v1.send"> = (
    { object, args: { mime_type: type, fd: pipe } },
  ) => {
    // It may have been copied while the clipboard was open.
    const isOpen = (): boolean => clipboard.out || isMarked(type);
    if (sourceTypes.get(object)?.has(type)) letPass(pipe, { isOpen, direction: "out", type });
    else mute(pipe);
    const own = type === secretHint ? type : session.innerType(type) ?? unknownType;
    return own === type ? undefined : { args: { mime_type: own } };
  };
  const addOffer = (object: WaylandObject): void => void offers.set(object, new Offer(thisDrag));
  const isHostsList = (object: WaylandObject): boolean => {
    const { hasList, isOwn } = offers.get(object)!;
    return hasList && !isOwn;
  };
  const mayBeFiles = ({ hasList, isLink, isOwn }: Offer): boolean =>
    givenFiles !== undefined && hasList && !isLink && !isOwn;
  /** Offers the app a list; `alone`: and no other type. */
  const announceList = (found: Offer, { alone }: { alone: boolean }): void => {
    if (alone) {
      found.types.clear();
      found.withheld.length = 0;
    }
    found.types.set(listType, listType);
    found.withheld.push(listType);
  };
  /** The host offers a type of data. */
  const offer: Handler<"wl_data_offer.offer" | "zwp_primary_selection_offer_v1.offer"> = (
    { object, args: { mime_type: type } },
  ) => {
    const found = offers.get(object)!;
    if (type === session.dataMark) found.isOwn = true;
    if (carrying.isMark(type)) found.carriedMark = type;
    if (type === listType) found.hasList = true;
    if (linkTypes.has(type)) found.isLink = true;
    if (fileTypes.test(type)) found.isOfFiles = true;
    const own = session.innerType(type);
    if (!clipboard.in && !isMarked(type) || own === undefined || found.types.size >= maxTypes) return dropped;
    found.types.set(own, type);
    const isCopied = object.type.name === "wl_data_offer";
    const isWithheld = isCopied ? givenFiles && found.state === "announced" : !attention.isUsed();
    if (!isWithheld) return own === type ? undefined : { args: { mime_type: own } };
    found.withheld.push(own);
    return dropped;
  };
  const receive: Handler<"wl_data_offer.receive" | "zwp_primary_selection_offer_v1.receive"> = (
    { object, args: { mime_type: type, fd: pipe } },
  ) => {
    const found = offers.get(object)!;
    const { types, withheld, isOwn, carriedMark, state } = found;
    const outer = types.get(type);
    if (outer === undefined || withheld.length > 0) {
      throw new Violation("it wants data that it was not offered");
    }
    const mayPaste = !isOwn && state === "selected" && attention.isUsed() && rates.paste();
    if (outer === listType) {
      if (state === "dragged" && pipe.writers.size > 0 && !found.early && mayBeFiles(found)) {
        found.early = givenFiles!.read(pipe);
        found.early.then(() => {
          answer(pipe, earlyList);
          answer(pipe, undefined);
        });
        return undefined;
      }
      if (found.lent && state === "dropped") {
        Promise.all([found.lent, givenFiles!.read(pipe)]).then(([lent]) => {
          answer(pipe, lent);
          answer(pipe, undefined);
          secondDrags.read(object);
        });
        return undefined;
      }
      const { drag } = found;
      const mayTake = state === "dropped"
        ? !drag.isTaken && session.now() - drag.droppedMs < dropMs
        : mayPaste && clipboard.in;
      const options = {
        how: state === "dropped" ? "dropped" : "pasted",
        answer: (text: string | undefined) => answer(pipe, text),
        mayPass: () => state === "dropped" || clipboard.in,
      } as const;
      if (mayTake && givenFiles!.take(pipe, options)) drag.isTaken ||= state === "dropped";
      else mute(pipe);
      return undefined;
    }
    const mayRead = isOwn || state === "dropped" || mayPaste;
    const isOver = carriedMark !== undefined && !clipboard.in && !carrying.isReadable();
    // It may have been offered while the clipboard was open.
    const isOpen = (): boolean => clipboard.in || carriedMark !== undefined;
    if (!mayRead || isOver) mute(pipe);
    else if (!isOwn) letPass(pipe, { isOpen, direction: "in", type: outer });
    return outer === type ? undefined : { args: { mime_type: outer } };
  };
  const handlers: Clipboard["handlers"] = {
    "wl_data_device.set_selection": setSelection,
    "zwp_primary_selection_device_v1.set_selection": setSelection,
    "wl_data_source.offer": offerType,
    "zwp_primary_selection_source_v1.offer": offerType,
    "wl_data_source.send": send,
    "zwp_primary_selection_source_v1.send": send,
    "wl_data_source.cancelled": ({ object }) => {
      deleteValue(selected, object);
      if (object !== draggedOut?.source || !hasFiles(object)) return undefined;
      const drag = draggedOut;
      draggedOut = undefined;
      if (!session.takeOut) return session.tell(filesStay);
      if (!clipboard.out || session.now() - drag.leftMs < outMs) return undefined;
      takeOut(object, drag);
      return dropped;
    },
    "zwp_primary_selection_source_v1.cancelled": ({ object }) => deleteValue(selected, object),
    "wl_data_device.data_offer": ({ args: { id } }) => addOffer(id),
    "zwp_primary_selection_device_v1.data_offer": ({ args: { offer } }) => addOffer(offer),
    "wl_data_offer.offer": offer,
    "zwp_primary_selection_offer_v1.offer": offer,
    "wl_data_offer.receive": receive,
    "zwp_primary_selection_offer_v1.receive": receive,
    "wl_data_device.selection": ({ object, args: { id: offered } }) => {
      carried.delete(object);
      waiting.delete(object);
      const found = offered && offers.get(offered);
      const isList = found && clipboard.in && mayBeFiles(found);
      if (!isList) givenFiles?.forget();
      if (!found) return undefined;
      found.state = "selected";
      if (isList) announceList(found, { alone: found.isOfFiles });
      if (clipboard.in || found.carriedMark === undefined || !carrying.isReadable()) {
        return tellOnceUsed(object, offered!);
      }
      carried.add(object);
      found.types.set(carriedType, carriedType);
      const announced: Addition = [offered, "offer", carriedType];
      // A compositor announces it again at each focus: only the first time replaces what the app has copied.
      if (announcedMarks.get(object) === found.carriedMark) return { before: [announced] };
      announcedMarks.set(object, found.carriedMark);
      keep(undefined);
      return { before: [announced] };
    },
    "zwp_primary_selection_device_v1.selection": ({ object, args: { id: offered } }) => {
      waiting.delete(object);
      if (offered) offers.get(offered)!.state = "selected";
      if (!offered || offers.get(offered)!.withheld.length === 0) return undefined;
      return tellOnceUsed(object, offered);
    },

    // Drag and drop, which xpra lacks.
    "wl_data_device.start_drag": ({ args: { source, icon, serial } }) => {
      if (!input().isPressed() || !input().isAnswer(serial)) return dropped;
      const verdict = surfaces.setRole(icon, "drag");
      if (verdict) return verdict;
      input().forgetPresses();
      draggedOut = source && { source, leftMs: Infinity, escapes: input().escapes() };
      return { before: source ? mark(source) : [] };
    },
    "wl_data_device.enter": ({ object, args: { serial, surface, x, y, id: offered } }) => {
      const before = secondDrags.cancel(object);
      const found = offered && offers.get(offered);
      dragged.delete(object);
      if (draggedOut) draggedOut.leftMs = Infinity;
      if (!found) return { before };
      if (surface) dragged.set(object, { offer: offered, serial, surface, x, y });
      found.state = "dragged";
      if (entered.has(object)) entered.clear();
      if (entered.size === 0) thisDrag = { droppedMs: -Infinity, isTaken: false };
      entered.add(object);
      found.drag = thisDrag;
      if (mayBeFiles(found)) announceList(found, { alone: true });
      return { before: [...before, ...tellTypes(offered)] };
    },
    "wl_data_device.motion": ({ object, args: { x, y } }) => void Object.assign(dragged.get(object) ?? {}, { x, y }),
    "wl_data_device.leave": ({ object }) => {
      dragged.delete(object);
      if (draggedOut) draggedOut.leftMs = session.now();
    },
    "wl_data_device.drop": ({ object }) => {
      attention.recordInput();
      const drag = dragged.get(object);
      const found = drag && offers.get(drag.offer);
      if (!found) return undefined;
      found.drag.droppedMs = session.now();
      if (!found.early || found.drag.isTaken) return void (found.state = "dropped");
      found.drag.isTaken = true;
      dragged.delete(object);
      found.lent = found.early.then((list) => givenFiles!.lendDropped(list));
      secondDrags.begin(object, drag, found.lent);
      return dropped;
    },
    "wl_data_offer.accept": ({ object, args: { mime_type: type } }) =>
      type === null ? undefined : { args: { mime_type: offers.get(object)!.types.get(type) ?? null } },
    // A host program that is told that its files were moved may delete them. An app that is offered `move` asks for
    // nothing else (Chromium 156).
    "wl_data_offer.source_actions": ({ object, args: { source_actions: actions } }) =>
      isHostsList(object) ? { args: { source_actions: actions & copyAction } } : undefined,
    "wl_data_offer.set_actions": ({ object, args: { dnd_actions: actions, preferred_action: preferred } }) => {
      if (!isHostsList(object)) return undefined;
      return { args: { dnd_actions: actions & copyAction, preferred_action: preferred & copyAction } };
    },
    "wl_data_source.target": ({ args: { mime_type: type } }) =>
      type === null ? undefined : { args: { mime_type: session.innerType(type) ?? null } },
  };
  return {
    handlers,
    secondDrags,
    release() {
      const released = [...waiting].flatMap(([device, offered]): Addition[] => [
        ...tellTypes(offered),
        [device, "selection", offered],
      ]);
      waiting.clear();
      return released;
    },
    takeNews() {
      const devices = carrying.isReadable() ? [] : [...carried];
      for (const device of devices) carried.delete(device);
      const heard = news.splice(0).filter(([object, name, offered]) => {
        if (object.isEnded && name === "data_offer") (offered as WaylandObject).isEnded = true;
        return !object.isEnded;
      });
      return [...heard, ...devices.map((device): Addition => [device, "selection", undefined])];
    },
    ended(object) {
      if (object === kept?.source) keep(undefined);
      for (const its of [entered, carried, waiting, dragged, selected, announcedMarks]) its.delete(object);
      deleteValue(waiting, object);
      if (object === draggedOut?.source) draggedOut = undefined;
    },
  };
}

function deleteValue<T>(map: Map<T, T>, value: T): void {
  for (const [key, other] of map) if (other === value) map.delete(key);
}

function isType(text: string): boolean {
  return text.length <= maxTypeBytes && /^[\x21-\x7e][ -\x7e]*$/.test(text);
}
