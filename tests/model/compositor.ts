/**
 * A Wayland compositor in memory, with waypipe's client in front of it: what the guard's host end is connected to. It
 * keeps what a real one keeps (surfaces with their pending states, windows, popups, focus, pointer, selections, drags,
 * screens), and checks the promises when a request arrives, and after each step. Where compositors differ it does what
 * any of them does: it accepts what one accepts, and shows what one shows.
 */

import { minVisible, popupReach } from "../../lib/guard/limits.ts";
import { globals } from "../../lib/guard/wayland/rules.ts";
import { protocols } from "../../lib/guard/wayland/protocols.ts";
import type { OpenClipboard } from "../../lib/guard/wayland/carrying.ts";
import type { Given } from "../../lib/guard/wayland/dropped_files.ts";
import type { Border } from "../../lib/guard/wayland/session.ts";
import { frame, message, messages } from "../unit/wayland_samples.ts";
import { awayMs, isTextOrPicture, isWorking, keep, moveFocus, newUser, type User } from "./promises.ts";
import { createReader, type Heard, type Known, newObjects } from "./wire.ts";

/** How wide the line around a popup or a window's shadow is at least. */
const lineWidth = 1;

/** A monitor: its mode is in pixels of the hardware, and apps are shown in those of the desktop. */
export interface Monitor {
  /** Across, before it is turned. */
  width: number;
  /** Down. */
  height: number;
  /** How many of the hardware's pixels make one of the desktop's, each way. */
  scale: number;
  /** It stands upright. */
  isTurned: boolean;
}

/** Where the edges are. */
interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

interface Buffer {
  width: number;
  height: number;
  /** Of a buffer of one pixel. */
  colour?: string;
}

/** What waits for the next commit: only what is changed. */
interface Pending {
  buffer?: Buffer | null;
  move?: readonly [number, number];
  scale?: number;
  isTurned?: boolean;
  destination?: readonly [number, number] | null;
  source?: readonly [number, number] | null;
  geometry?: Box;
  places?: Map<Surface, readonly [number, number]>;
  order?: Surface[];
  hint?: readonly [number, number];
}

/** A surface. */
export interface Surface {
  /** Whose. */
  client: Client;
  /** Its number at the compositor. */
  id: number;
  role?: "window" | "popup" | "cursor" | "drag" | "part";
  pending: Pending;
  /** What a part has committed, and waits for its parent. */
  cached: Pending | undefined;
  current: Omit<Pending, "move" | "places" | "order">;
  /** As mutter adds up what is attached with an offset. */
  offset: readonly [number, number];
  parent: Surface | undefined;
  /** From the lowest. */
  parts: Surface[];
  place: readonly [number, number];
  isSync: boolean;
  /** What the desktop takes for the window: as of its last commit. */
  bounds?: Box | undefined;
  shell?: number | undefined;
}

interface Window {
  surface: Surface;
  title: string | null;
  appId: string | null;
  configured: readonly [number, number];
  decoration?: Decoration | undefined;
  isMapped: boolean;
  /** What the app takes for the window, in this step. */
  named?: Box | undefined;
}

/** Who draws a window's frame: 2 for the desktop. What the app is told counts from the next step on. */
interface Decoration {
  mode: number;
  told: number;
  /** In which step. */
  toldAt: number;
}

interface Popup {
  surface: Surface;
  parent: Surface;
  /** How far it begins from its parent, and how far it may. */
  gap: number;
  reach: number;
  /** The screens since its last commit. */
  screens: (readonly [number, number])[];
}

interface Positioner {
  size: readonly [number, number];
  anchorRect: readonly [number, number, number, number];
  anchor: number;
  gravity: number;
  offset: readonly [number, number];
}

interface Offer {
  of: "copied" | "selected" | "dragged";
  isOfHost: boolean;
  isDropped: boolean;
  /** Its list was read before. */
  isEarly?: boolean;
  /** What its list says, which no other one does. */
  list?: string;
}

interface Lock {
  surface: Surface;
}

/** A connection of an app's. */
export interface Client {
  /** What there is, by the compositor's numbers. */
  objects: Map<number, Known>;
  surfaces: Map<number, Surface>;
  windows: Map<number, Window>;
  popups: Map<number, Popup>;
  /** Numbers that are free again, and of which the app does not know yet. */
  freed: number[];
  /** Takes what the guard lets pass. */
  hear(bytes: Uint8Array): void;
  /** The connection has ended. */
  end(): void;
  isEnded: boolean;
}

/** What may happen: a run in which it does not tells nothing. */
export const happenings = [
  "windows",
  "popups",
  "parts",
  "borders",
  "shrunk windows",
  "cursors",
  "locks",
  "fullscreens",
  "copies",
  "drags",
  "pastes",
  "selected pastes",
  "dropped pastes",
  "lent drops",
  "second drags",
  "lent pastes",
] as const;

/** One of them. */
export type Happening = typeof happenings[number];

/** Where a selection is: with the host, with an app of the container's, or nowhere. */
interface Selection {
  owner: "host" | Client | undefined;
  source: number;
  types: readonly string[];
}

/** How names of the container's other types of data begin on the host: no app of the host's takes them. */
const dataMark = "application/x-gui-container.box";

/** In what monitors call themselves. */
export const monitorSecret = "S3CR3T";
/** The list of what is lent to the container, where files may be. */
export const lentList = "file:///lent\r\n";
/** What stands before each number in the app id of a window that has shrunk: where it is in its picture, and its side. */
export const shrunk = "-shrunk-";
const listType = "text/uri-list";
/** For so long an app may read nothing of what waits for it, in milliseconds, while somebody works in its windows. */
const maxStuckMs = 2_000;
/** How far from a window its shadow may be drawn. */
const shadow = 128;
/** The sides of pictures of the pointer, and of what is dragged. */
const maxCursor = 256;
const maxDragged = 1_024;

/** A compositor, with a user and other apps of the host's. */
export interface Compositor {
  /** Whether the user works in the container's windows. */
  user: User;
  clients: ReadonlySet<Client>;
  happened: ReadonlyMap<Happening, number>;
  monitors: readonly Monitor[];
  /** An app connects. `deliver` takes what the compositor sends it. */
  connect(deliver: (bytes: Uint8Array) => void): Client;
  /** Whether what an app is offered is the host's. */
  isOfHost(client: Client, offer: number): boolean;
  /** Bytes have reached an app by a pipe. */
  checkRead(client: Client, pipe: number, bytes: Uint8Array): void;
  /** The guard has files lent. */
  checkLent(list: string, how: Given): void;
  /** The user gives the keyboard to a window, or to another app. */
  focus(surface: Surface | undefined): void;
  /** The user moves the pointer over a window, or elsewhere. */
  point(surface: Surface | undefined): void;
  key(isDown: boolean): void;
  button(isDown: boolean): void;
  touch(what: "down" | "up" | "cancel", surface: Surface | undefined): void;
  /** The user copies, or selects, something in another app of the host's. */
  hostCopies(which: "copied" | "selected", types: readonly string[]): void;
  /** The user drags something of the host's over a window, drops it there, or takes it away. */
  hostDrags(what: "over" | "drop" | "away", dragged: { surface?: Surface; types: readonly string[] }): void;
  /** The user pastes in the host's app what the container has copied. */
  hostPastes(which: "copied" | "selected"): void;
  configure(client: Client, window: number, size: readonly [number, number]): void;
  /** The desktop draws frames, or no longer. */
  setFrames(client: Client, mode: number): void;
  setMonitor(index: number, monitor: Monitor): void;
  /** The app learns which numbers are free again. */
  tellFreed(client: Client): void;
  /**
   * Checks what is on the screen, at the end of a step.
   *
   * @param isInFrame whether a client's connection is in the middle of a frame
   * @throws {Broken}
   */
  check(isInFrame: (client: Client) => boolean): void;
}

/**
 * A compositor with a keyboard, a pointer and a touch screen.
 *
 * @param options `clipboard`: what is open; `border`: of the container's windows, whose name is `box`;
 * `drawsFrames`: the desktop draws frames for who asks for them; `lends`: files that are dropped are lent; `stuckMs`: for how long an app has not read
 */
export function createCompositor(
  { now, monitors, drawsFrames, clipboard, border, lends, stuckMs }: {
    now(): number;
    monitors: Monitor[];
    drawsFrames: boolean;
    clipboard: OpenClipboard;
    border: Border;
    lends: boolean;
    stuckMs(): number;
  },
): Compositor {
  const user: User = newUser();
  const clients = new Set<Client>();
  const happened = new Map<Happening, number>();
  const note = (what: Happening): void => void happened.set(what, (happened.get(what) ?? 0) + 1);
  const selections = { copied: noSelection(), selected: noSelection() };
  /** Buttons and fingers that are down in the container's windows. */
  const down = new Set<string>();
  let steps = 0;
  let serial = 1;
  let nextPipe = -1;
  let focus: Surface | undefined;
  let pointed: Surface | undefined;
  /** The desktop moves a window, or something is dragged: the app hears of no button. */
  let isGrabbed = false;
  let dragged: { client: Client; source: number; icon: Surface | undefined } | undefined;
  let cursor: { surface: Surface; x: number; y: number } | undefined;
  let hostDrag: { surface: Surface; offers: Offer[] } | undefined;
  let fingers: Surface | undefined;
  /** The lists of files that were dropped on the container's windows and not lent. */
  const droppedLists = new Set<string>();
  let lists = 0;

  /** The user works in the windows, and these would know of it. */
  const isThere = (): boolean => isWorking(user, now()) && stuckMs() <= maxStuckMs;
  const of = (client: Client, name: string): number[] =>
    [...client.objects].filter(([, known]) => known.name === name).map(([id]) => id);
  const colour = border.colour.match(/\w\w/g)!.map((byte) => parseInt(byte, 16) * 0x101_0101).join();
  const logical = ({ width, height, scale, isTurned }: Monitor): readonly [number, number] => {
    const [across, high] = [width / scale, height / scale];
    return isTurned ? [high, across] : [across, high];
  };
  const monitorEvents = (client: Client, id: number): Uint8Array[] => {
    const { version } = client.objects.get(id)!;
    const index = (client as ClientParts).monitors.get(id)!;
    const { width, height, scale, isTurned } = monitors[index]!;
    const name = `${monitorSecret}-${index}`;
    return [
      message(id, "wl_output.geometry", 0, 0, 600, 340, 0, `make ${name}`, `model ${name}`, isTurned ? 1 : 0),
      message(id, "wl_output.mode", 3, width, height, 60_000),
      ...version < 2 ? [] : [message(id, "wl_output.scale", scale)],
      ...version < 4
        ? []
        : [message(id, "wl_output.name", name), message(id, "wl_output.description", `serial ${name}`)],
      ...version < 2 ? [] : [message(id, "wl_output.done")],
    ];
  };
  const xdgMonitorEvents = (client: Client, id: number): Uint8Array[] => {
    const { version } = client.objects.get(id)!;
    const index = (client as ClientParts).monitors.get(id)!;
    const [width, height] = logical(monitors[index]!);
    return [
      message(id, "zxdg_output_v1.logical_position", 0, 0),
      message(id, "zxdg_output_v1.logical_size", width, height),
      ...version < 2 ? [] : [
        message(id, "zxdg_output_v1.name", `${monitorSecret}-${index}`),
        message(id, "zxdg_output_v1.description", `${monitorSecret}, serial`),
      ],
      message(id, "zxdg_output_v1.done"),
    ];
  };

  /** Hands a client a new offer, for each of its devices. Gives the offers' numbers. */
  const offerTo = (
    client: Client,
    { device, types, offer }: { device: number; types: readonly string[]; offer: Offer },
  ): number => {
    const parts = client as ClientParts;
    const isPrimary = offer.of === "selected";
    const [own, made] = isPrimary
      ? ["zwp_primary_selection_device_v1", "zwp_primary_selection_offer_v1"] as const
      : ["wl_data_device", "wl_data_offer"] as const;
    const id = parts.nextOffer++;
    client.objects.set(id, { name: made, version: client.objects.get(device)!.version });
    parts.offers.set(id, offer);
    parts.send(
      message(device, `${own}.data_offer`, id),
      ...types.map((type) => message(id, `${made}.offer`, type)),
    );
    return id;
  };
  const tellSelection = (client: Client, which: "copied" | "selected"): void => {
    const { owner, types } = selections[which];
    const name = which === "selected" ? "zwp_primary_selection_device_v1" : "wl_data_device";
    for (const device of of(client, name)) {
      const offer: Offer = { of: which, isOfHost: owner === "host", isDropped: false };
      const id = owner === undefined ? 0 : offerTo(client, { device, types, offer });
      (client as ClientParts).send(message(device, `${name}.selection`, id));
    }
  };
  const setSelection = (which: "copied" | "selected", to: Selection): void => {
    const { owner, source } = selections[which];
    if (owner && owner !== "host" && owner.objects.has(source)) {
      const name = which === "selected" ? "zwp_primary_selection_source_v1" : "wl_data_source";
      if (owner.objects.get(source)!.name === name) (owner as ClientParts).send(message(source, `${name}.cancelled`));
    }
    selections[which] = to;
    if (focus) tellSelection(focus.client, which);
  };

  const setFocus = (to: Surface | undefined): void => {
    if (focus === to) return;
    if (focus) {
      const { client, id } = focus as Surface & { client: ClientParts };
      client.send(...of(client, "wl_keyboard").map((each) => message(each, "wl_keyboard.leave", serial++, id)));
    }
    focus = to;
    moveFocus(user, to !== undefined, now());
    if (!to) return;
    const client = to.client as ClientParts;
    tellSelection(client, "copied");
    tellSelection(client, "selected");
    client.send(
      ...of(client, "wl_keyboard").map((each) => message(each, "wl_keyboard.enter", serial++, to.id, new Uint8Array())),
    );
  };
  const pointTo = (to: Surface | undefined): void => {
    if (pointed === to) return;
    if (pointed) {
      const { client, id } = pointed as Surface & { client: ClientParts };
      client.send(...of(client, "wl_pointer").map((each) => message(each, "wl_pointer.leave", serial++, id)));
    }
    pointed = to;
    if (!to) return;
    const client = to.client as ClientParts;
    client.send(
      ...of(client, "wl_pointer").map((each) => message(each, "wl_pointer.enter", serial++, to.id, 2560, 2560)),
    );
  };

  const isBound = (part: Surface): boolean => {
    for (let each = part; each.parent; each = each.parent) if (each.isSync) return true;
    return false;
  };
  const apply = (surface: Surface, { move, places, order, ...changed }: Pending): void => {
    Object.assign(surface.current, changed);
    if (move) surface.offset = [surface.offset[0] + move[0], surface.offset[1] + move[1]];
    for (const [part, place] of places ?? []) {
      // What it was told as a part of another one has ended with that.
      if (part.parent === surface) part.place = place;
    }
    if (order) {
      // A part is there once its parent is committed.
      surface.parts = order.filter(({ parent }) => parent === surface);
    }
    for (const part of surface.parts) {
      const { cached } = part;
      if (!cached || !part.isSync) continue;
      part.cached = undefined;
      apply(part, cached);
    }
  };
  const commit = (surface: Surface): void => {
    const { pending } = surface;
    surface.pending = {};
    if (isBound(surface)) surface.cached = merge(surface.cached ?? {}, pending);
    else {
      apply(surface, surface.cached ? merge(surface.cached, pending) : pending);
      surface.cached = undefined;
    }
    if (surface.parent) return;
    const box = drawn(surface);
    const client = surface.client as ClientParts;
    const own = [...client.windows].find(([, window]) => window.surface === surface);
    const { geometry } = surface.current;
    const by = own ? border.width : 0;
    const rest = drawn(surface, surface.parts.filter(isGuards));
    surface.bounds = rest && grown(geometry ? overlap(grown(geometry, -by), rest) ?? rest : rest, by);
    if (own) commitWindow(client, own);
    const popup = [...client.popups].find(([, { surface: other }]) => other === surface);
    if (!popup || surface.shell === undefined) return;
    popup[1].screens = monitors.map(logical);
    if (box) note("popups");
    else {
      client.send(
        message(popup[0], "xdg_popup.configure", 0, 0, 10, 10),
        message(surface.shell, "xdg_surface.configure", serial++),
      );
    }
  };
  const commitWindow = (client: ClientParts, [id, window]: readonly [number, Window]): void => {
    const { surface } = window;
    const isMapped = drawn(surface) !== undefined;
    if (isMapped && !window.isMapped) note("windows");
    window.isMapped = isMapped;
    if (isMapped || surface.shell === undefined) return;
    client.send(
      message(id, "xdg_toplevel.configure", ...window.configured, new Uint8Array()),
      message(surface.shell, "xdg_surface.configure", serial++),
    );
  };

  /** A surface is for one thing for ever: whoever wants another is cut off. */
  const setRole = (surface: Surface, role: NonNullable<Surface["role"]>): boolean => {
    if ((surface.role ??= role) === role) return true;
    surface.client.end();
    return false;
  };
  const endSurface = (surface: Surface): void => {
    if (focus === surface) setFocus(undefined);
    if (pointed === surface) pointTo(undefined);
    if (cursor?.surface === surface) cursor = undefined;
    if (dragged?.icon === surface) dragged.icon = undefined;
    if (hostDrag?.surface === surface) hostDrag = undefined;
    if (fingers === surface) fingers = undefined;
    detach(surface);
    for (const part of surface.client.surfaces.values()) if (part.parent === surface) part.parent = undefined;
    surface.parts = [];
    surface.current.buffer = null;
    surface.client.surfaces.delete(surface.id);
  };

  const numbers = (values: Heard["values"]): number[] => values.map((value) => value as number);
  type Handler = (client: ClientParts, id: number, values: Heard["values"]) => void;
  const checkCopy = (which: "copied" | "selected", sourceName: string): Handler => (client, _, [source]) => {
    const { owner } = selections[which];
    const isAllowed = isThere();
    const isOwn = owner !== undefined && owner !== "host";
    keep("copy", isAllowed || !source && (isOwn || owner === undefined), source ? "it sets one" : "it clears one");
    if (source) note("copies");
    const types = client.sources.get(source as number) ?? [];
    setSelection(which, source ? { owner: client, source: source as number, types } : noSelection());
    keep("order", !source || client.objects.get(source as number)?.name === sourceName, "a source of another kind");
  };
  const offerType: Handler = (client, id, [type]) => {
    const isNamed = type === dataMark || (type as string).startsWith(`${dataMark};`);
    keep("types", isNamed || clipboard.out && isTextOrPicture(type as string), `it offers ${type}`);
    client.sources.set(id, [...client.sources.get(id) ?? [], type as string]);
  };
  /** The app gets what it asks for, if the guard lets it through. */
  const receive: Handler = (client, id, [type, pipe]) => {
    // What it may have is decided now; an app that does not read has it later.
    const known = client.offers.get(id)!;
    if (type === listType && !known.isDropped) known.isEarly = true;
    const offer = { ...known };
    client.pipes.set(pipe as number, { offer, type: type as string, mayPaste: isThere() });
    const sent = new TextEncoder().encode(type === listType && known.list || "S3C");
    client.sendFrames(frame(10, pipe as number, sent), frame(12, pipe as number));
  };
  const checkRead = (client: Client, pipe: number, bytes: Uint8Array): void => {
    const { offer: { of, isOfHost, isDropped, isEarly }, type, mayPaste } = (client as ClientParts).pipes.get(pipe)!;
    if (!isOfHost) return;
    if (lends && type === listType) {
      const text = new TextDecoder().decode(bytes);
      keep("drop", !text.includes("S3C"), "it reads the host's own list");
      if (!text.includes(lentList)) return;
      keep(of === "dragged" ? "drop" : "paste", of === "dragged" ? isDropped : mayPaste, "it gets files");
      return note(of !== "dragged" ? "lent pastes" : isEarly ? "second drags" : "lent drops");
    }
    keep("types", isTextOrPicture(type), `it reads ${type}`);
    keep("paste", clipboard.in, "the channel is closed");
    if (of === "dragged") keep("drop", isDropped, "it reads what is dragged over it");
    else keep("paste", mayPaste, `it reads what is ${of} while the user is elsewhere`);
    note(of === "dragged" ? "dropped pastes" : of === "selected" ? "selected pastes" : "pastes");
  };
  const addPart: Handler = (client, id, values) => {
    const [, part, parent] = numbers(values).map((each) => client.surfaces.get(each));
    if (!setRole(part!, "part")) return;
    detach(part!);
    // mutter leaves it where it was.
    Object.assign(part!, { parent, isSync: true });
    (parent!.pending.order ??= [...parent!.parts]).push(part!);
    client.parts.set(id, part!);
    client.parts.set(values[0] as number, part!);
    note("parts");
  };
  const restack = (isAbove: boolean): Handler => (client, id, [sibling]) => {
    const part = client.parts.get(id)!;
    const { parent } = part;
    if (!parent) return;
    const order = (parent.pending.order ??= [...parent.parts]).filter((other) => other !== part);
    const at = order.indexOf(client.surfaces.get(sibling as number)!);
    // Beside its parent, which is below all parts here.
    order.splice(at < 0 ? 0 : isAbove ? at + 1 : at, 0, part);
    parent.pending.order = order;
  };
  const openPopup: Handler = (client, shell, values) => {
    const [popup, parentShell, positioner] = numbers(values);
    const surface = client.shells.get(shell)!;
    if (!setRole(surface, "popup")) return;
    if (surface.shell !== undefined) return client.end();
    surface.shell = shell;
    const parent = client.shells.get(parentShell!)!;
    client.popups.set(popup!, {
      surface,
      parent,
      ...distance(client.positioners.get(positioner!)!, parent),
      screens: monitors.map(logical),
    });
  };
  const position = (name: keyof Positioner): Handler => (client, id, values) =>
    void Object.assign(client.positioners.get(id)!, { [name]: values.length === 1 ? values[0] : values });
  const grab: Handler = () => {
    if (down.size === 0) return;
    isGrabbed = true;
    pointTo(undefined);
  };
  const endLock = (client: ClientParts, id: number): void => {
    const { surface } = client.locks.get(id)!;
    client.locks.delete(id);
    const { hint } = surface.current;
    if (!hint || !client.surfaces.has(surface.id)) return;
    delete surface.current.hint;
    const box = drawn(surface);
    // A lock of what is not shown is none.
    if (!box) return;
    const [x, y] = [hint[0] / 256, hint[1] / 256];
    keep(
      "pointer",
      x >= box.left && y >= box.top && x <= box.right && y <= box.bottom,
      `it moves to ${x}, ${y} of ${JSON.stringify(box)}`,
    );
  };

  const handlers: Record<string, Handler> = {
    "wl_display.sync": (client, _, [callback]) => {
      client.send(message(callback as number, "wl_callback.done", serial++));
      client.destroy(callback as number);
    },
    "wl_display.get_registry": (client, _, [registry]) => {
      const list = [...globals, "zwlr_layer_shell_v1", "zwlr_screencopy_manager_v1"].filter((name) =>
        name !== "wl_output"
      );
      client.send(
        ...list.map((name, number) =>
          message(registry as number, "wl_registry.global", number, name, protocols.get(name)?.version ?? 1)
        ),
        ...monitors.map((_, index) => message(registry as number, "wl_registry.global", 100 + index, "wl_output", 4)),
      );
    },
    "wl_registry.bind": (client, _, [number, name, , id]) => {
      keep("order", globals.includes(name as string), `a bind of ${name}`);
      if (name === "wl_output") {
        client.monitors.set(id as number, number as number - 100);
        client.send(...monitorEvents(client, id as number));
      }
      if (name === "wl_seat") client.send(message(id as number, "wl_seat.capabilities", 7));
    },
    "zxdg_output_manager_v1.get_xdg_output": (client, _, values) => {
      const [id, output] = numbers(values);
      client.monitors.set(id!, client.monitors.get(output!)!);
      client.send(...xdgMonitorEvents(client, id!));
    },
    "wl_seat.get_keyboard": (client, _, [id]) => {
      client.sendFrames(frame(2, nextPipe, 64), frame(1, nextPipe--));
      client.send(message(id as number, "wl_keyboard.keymap", 1, 64));
      if (focus?.client === client) {
        client.send(message(id as number, "wl_keyboard.enter", serial++, focus.id, new Uint8Array()));
      }
    },

    "wl_compositor.create_surface": (client, _, [id]) => {
      const made: Surface = {
        client,
        id: id as number,
        pending: {},
        cached: undefined,
        current: {},
        offset: [0, 0],
        parent: undefined,
        parts: [],
        place: [0, 0],
        isSync: true,
      };
      client.surfaces.set(made.id, made);
    },
    "wl_surface.destroy": (client, id) => endSurface(client.surfaces.get(id)!),
    "wl_surface.attach": (client, id, values) => {
      const [buffer, x, y] = numbers(values);
      const { pending } = client.surfaces.get(id)!;
      pending.buffer = buffer ? client.buffers.get(buffer)! : null;
      pending.move = [(pending.move?.[0] ?? 0) + x!, (pending.move?.[1] ?? 0) + y!];
    },
    "wl_surface.offset": (client, id, values) => {
      const [x, y] = numbers(values);
      const { pending } = client.surfaces.get(id)!;
      pending.move = [(pending.move?.[0] ?? 0) + x!, (pending.move?.[1] ?? 0) + y!];
    },
    "wl_surface.commit": (client, id) => commit(client.surfaces.get(id)!),
    "wl_surface.set_buffer_scale": (client, id, [scale]) =>
      void (client.surfaces.get(id)!.pending.scale = scale as number),
    "wl_surface.set_buffer_transform": (client, id, [transform]) =>
      void (client.surfaces.get(id)!.pending.isTurned = (transform as number) % 2 === 1),
    "wl_shm_pool.create_buffer": (client, _, values) => {
      const [id, , width, height] = numbers(values);
      client.buffers.set(id!, { width: width!, height: height! });
    },
    "wp_single_pixel_buffer_manager_v1.create_u32_rgba_buffer": (client, _, [id, ...values]) =>
      void client.buffers.set(id as number, { width: 1, height: 1, colour: values.slice(0, 3).join() }),
    "wp_viewporter.get_viewport": (client, _, values) => {
      const [id, surface] = numbers(values);
      client.views.set(id!, client.surfaces.get(surface!)!);
    },
    "wp_viewport.set_destination": (client, id, values) => {
      const [width, height] = numbers(values) as [number, number];
      client.views.get(id)!.pending.destination = width > 0 && height > 0 ? [width, height] : null;
    },
    "wp_viewport.set_source": (client, id, values) => {
      const [width, height] = [values[2] as number >> 8, values[3] as number >> 8];
      client.views.get(id)!.pending.source = width > 0 && height > 0 ? [width, height] : null;
    },
    "wp_viewport.destroy": (client, id) =>
      void Object.assign(client.views.get(id)!.pending, { destination: null, source: null }),
    "wl_subcompositor.get_subsurface": addPart,
    "wl_subsurface.set_position": (client, id, values) => {
      const part = client.parts.get(id)!;
      if (part.parent) (part.parent.pending.places ??= new Map()).set(part, numbers(values) as [number, number]);
    },
    "wl_subsurface.place_above": restack(true),
    "wl_subsurface.place_below": restack(false),
    "wl_subsurface.set_sync": (client, id) => void (client.parts.get(id)!.isSync = true),
    "wl_subsurface.set_desync": (client, id) => {
      const part = client.parts.get(id)!;
      part.isSync = false;
      if (isBound(part) || !part.cached) return;
      apply(part, part.cached);
      part.cached = undefined;
    },
    "wl_subsurface.destroy": (client, id) => detach(client.parts.get(id)!),

    "xdg_wm_base.get_xdg_surface": (client, _, values) => {
      const [id, surface] = numbers(values);
      const own = client.surfaces.get(surface!)!;
      if ([...client.shells.values()].includes(own)) return client.end();
      client.shells.set(id!, own);
    },
    "xdg_surface.set_window_geometry": (client, id, values) => {
      const [x, y, width, height] = numbers(values) as [number, number, number, number];
      client.shells.get(id)!.pending.geometry = { left: x, top: y, right: x + width, bottom: y + height };
    },
    "xdg_surface.destroy": (client, id) => {
      const surface = client.shells.get(id)!;
      const users = [...client.windows.values(), ...client.popups.values()];
      if (users.some((user) => user.surface === surface)) return client.end();
      client.shells.delete(id);
      delete surface.current.geometry;
      delete surface.pending.geometry;
      delete surface.shell;
    },
    "xdg_surface.get_toplevel": (client, shell, [id]) => {
      const surface = client.shells.get(shell)!;
      if (!setRole(surface, "window")) return;
      if (surface.shell !== undefined) return client.end();
      surface.shell = shell;
      const made = { title: null, appId: null, configured: [0, 0] as const, isMapped: false };
      client.windows.set(id as number, { surface, ...made });
    },
    "xdg_toplevel.destroy": (client, id) => void client.windows.delete(id),
    "xdg_toplevel.set_title": (client, id, [title]) => {
      keep("mark", (title as string).startsWith("[box]"), `a title ${title}`);
      client.windows.get(id)!.title = title as string;
    },
    "xdg_toplevel.set_app_id": (client, id, [appId]) => {
      keep("mark", /^box(\.|$)/.test(appId as string), `an app id ${appId}`);
      const window = client.windows.get(id)!;
      window.appId = appId as string;
      const [, ...numbers] = (appId as string).split(shrunk);
      if (numbers.length < 2) return;
      const [at, side] = numbers.map(Number) as [number, number];
      window.named = { left: at, top: at, right: at + side, bottom: at + side };
      note("shrunk windows");
    },
    "xdg_toplevel.set_fullscreen": () => {
      keep("fullscreen", isThere(), "the whole screen");
      note("fullscreens");
    },
    "xdg_activation_v1.activate": () => keep("fullscreen", isThere(), "the front"),
    "xdg_toplevel.move": grab,
    "xdg_toplevel.resize": grab,
    "zxdg_decoration_manager_v1.get_toplevel_decoration": (client, _, values) => {
      const [id, window] = numbers(values);
      if (client.windows.get(window!)?.decoration) return client.end();
      const made = { mode: 0, told: 0, toldAt: -1 };
      client.decorations.set(id!, { decoration: made, window: window! });
      if (client.windows.has(window!)) client.windows.get(window!)!.decoration = made;
    },
    "zxdg_toplevel_decoration_v1.set_mode": (client, id) => setFrame(client, { id, mode: drawsFrames ? 2 : 1 }),
    "zxdg_toplevel_decoration_v1.destroy": (client, id) => {
      const { decoration } = client.decorations.get(id)!;
      client.decorations.delete(id);
      for (const window of client.windows.values()) {
        if (window.decoration === decoration) window.decoration = undefined;
      }
    },

    "xdg_wm_base.create_positioner": (client, _, [id]) =>
      void client.positioners.set(id as number, {
        size: [0, 0],
        anchorRect: [0, 0, 0, 0],
        anchor: 0,
        gravity: 0,
        offset: [0, 0],
      }),
    "xdg_positioner.set_size": position("size"),
    "xdg_positioner.set_anchor_rect": position("anchorRect"),
    "xdg_positioner.set_anchor": position("anchor"),
    "xdg_positioner.set_gravity": position("gravity"),
    "xdg_positioner.set_offset": position("offset"),
    "xdg_surface.get_popup": openPopup,
    "xdg_popup.reposition": (client, id, [positioner]) => {
      const popup = client.popups.get(id)!;
      Object.assign(popup, distance(client.positioners.get(positioner as number)!, popup.parent));
    },
    "xdg_popup.destroy": (client, id) => void client.popups.delete(id),

    "wl_pointer.set_cursor": (client, _, values) => {
      const [, id, x, y] = numbers(values) as [number, number, number, number];
      const surface = client.surfaces.get(id);
      if (surface && !setRole(surface, "cursor")) return;
      cursor = surface && { surface, x, y };
      note("cursors");
    },
    "zwp_pointer_constraints_v1.lock_pointer": (client, _, values) => {
      const [id, surface] = numbers(values);
      client.locks.set(id!, { surface: client.surfaces.get(surface!)! });
      note("locks");
      client.send(message(id!, "zwp_locked_pointer_v1.locked"));
    },
    "zwp_locked_pointer_v1.set_cursor_position_hint": (client, id, values) => {
      client.locks.get(id)!.surface.pending.hint = numbers(values) as [number, number];
    },
    "zwp_locked_pointer_v1.destroy": endLock,

    "wl_data_device.set_selection": checkCopy("copied", "wl_data_source"),
    "zwp_primary_selection_device_v1.set_selection": checkCopy("selected", "zwp_primary_selection_source_v1"),
    "wl_data_source.offer": offerType,
    "zwp_primary_selection_source_v1.offer": offerType,
    "wl_data_offer.receive": receive,
    "zwp_primary_selection_offer_v1.receive": receive,
    "wl_data_device.start_drag": (client, _, values) => {
      const [source, , icon] = numbers(values);
      keep("drag", down.size > 0, "nothing is down");
      const surface = icon ? client.surfaces.get(icon)! : undefined;
      if (surface && !setRole(surface, "drag")) return;
      dragged = { client, source: source!, icon: surface };
      grab(client, 0, []);
      note("drags");
    },
  };

  const setFrame = (client: ClientParts, { id, mode }: { id: number; mode: number }): void => {
    const known = client.decorations.get(id);
    // Of a window that has ended, nothing more is said.
    if (!known || client.windows.get(known.window)?.decoration !== known.decoration) return;
    const { decoration } = known;
    if (decoration.toldAt < steps) decoration.mode = decoration.told;
    Object.assign(decoration, { told: mode, toldAt: steps });
    client.send(message(id, "zxdg_toplevel_decoration_v1.configure", mode));
  };
  const checkWindow = (client: Client, window: Window): void => {
    const { surface, title, appId, isMapped, named } = window;
    delete window.named;
    const box = drawn(surface);
    if (!box || !isMapped || !client.surfaces.has(surface.id)) return;
    if (named) {
      const size = JSON.stringify(surface.current.geometry);
      keep("size", size === JSON.stringify(grown(named, border.width)), `it is ${size}`);
    }
    keep("mark", title !== null && appId !== null, "a window without a title");
    checkMark(surface);
    const { lines, plate } = markOf(surface, border.width);
    const { left, top, right, bottom } = surface.bounds ?? box;
    // A dot of a window has a border that is seen.
    const least = { width: minVisible.width + 2 * border.width, height: minVisible.height + 2 * border.width };
    const bounds = {
      left,
      top,
      right: Math.max(right, left + least.width),
      bottom: Math.max(bottom, top + least.height),
    };
    // What may be shown later counts, too.
    const isMarked = [bounds, surface.current.geometry!].some((each) => hasSides(each, { lines, width: lineWidth }));
    keep("mark", isMarked, `no border around ${JSON.stringify(bounds)}`);
    keep("mark", plate !== undefined && isWithin(bounds, plate), `no plate below ${JSON.stringify(bounds)}`);
    note("borders");
  };
  const isGuards = ({ current: { buffer } }: Surface): boolean => buffer?.colour === colour;
  const markOf = ({ parts }: Surface, width: number): { lines: Box[]; plate: Box | undefined } => {
    const boxes = parts.filter(isGuards).map(boxAt);
    const isLine = ({ left, top, right, bottom }: Box): boolean => Math.min(right - left, bottom - top) <= width;
    return { lines: boxes.filter(isLine), plate: boxes.find((each) => !isLine(each)) };
  };
  /** Whether lines are along all sides of a box, inside of it. */
  const hasSides = (box: Box, { lines, width }: { lines: readonly Box[]; width: number }): boolean =>
    [
      { ...box, bottom: box.top + width },
      { ...box, top: box.bottom - width },
      { ...box, right: box.left + width },
      { ...box, left: box.right - width },
    ].every((side) => lines.some((line) => isWithin(side, line)));
  /** The outermost that is shown of a surface are the guard's lines, and nothing of the app's is above them. */
  const checkMark = (surface: Surface): void => {
    const { lines } = markOf(surface, border.width);
    const rest = drawn(surface, surface.parts.filter(isGuards));
    if (!rest) return;
    keep("mark", lines.length > 0, "no border");
    const ring = lines.reduce(union);
    keep(
      "mark",
      hasSides(ring, { lines, width: lineWidth }),
      `lines ${JSON.stringify(lines)} around ${JSON.stringify(rest)}`,
    );
    keep("mark", isWithin(rest, ring), `${JSON.stringify(rest)} beyond ${JSON.stringify(ring)}`);
    keep("mark", surface.parts.slice(-4).every(isGuards), "a part above the lines");
    // A part that its window was committed for may be shown later.
    const bounds = union(surface.bounds ?? rest, surface.current.geometry ?? rest);
    keep("inside", isWithin(rest, grown(bounds, shadow)), `${JSON.stringify(rest)} of ${JSON.stringify(bounds)}`);
  };
  const checkPopup = ({ surface, gap, reach, screens }: Popup, isInFrame: boolean): void => {
    const box = drawn(surface);
    if (!box || surface.shell === undefined) return;
    const ms = Math.max(awayMs(user, now()), stuckMs() - maxStuckMs);
    keep("popup", isInFrame || ms <= 1_500, `one is open after ${ms} ms`);
    keep("cover", gap <= reach, `one is ${gap} pixels away`);
    const [width, height] = [box.right - box.left - 2 * shadow, box.bottom - box.top - 2 * shadow];
    const isSmall = screens.some(([across, high]) => 2 * width * height <= across * high);
    keep("cover", width <= 0 || height <= 0 || isSmall, `${width} × ${height} on ${screens.join(", ")}`);
    checkMark(surface);
  };
  const checkPictures = (): void => {
    const box = cursor && drawn(cursor.surface);
    if (box) {
      const { surface: { offset: [x, y] } } = cursor!;
      const isSmall = box.right - box.left <= maxCursor && box.bottom - box.top <= maxCursor;
      keep("pointer", isSmall, `a picture of ${JSON.stringify(box)}`);
      const isNear = [cursor!.x, cursor!.y].every((hot) => hot >= 0 && hot <= maxCursor);
      keep("pointer", isNear && x === 0 && y === 0, `a picture ${[cursor!.x, cursor!.y]} and ${[x, y]} away`);
    }
    const icon = dragged?.icon && drawn(dragged.icon);
    if (icon) {
      const [x, y] = dragged!.icon!.offset;
      keep("inside", icon.right - icon.left <= maxDragged && icon.bottom - icon.top <= maxDragged, "what is dragged");
      keep("inside", Math.abs(x) <= maxDragged && Math.abs(y) <= maxDragged, `what is dragged, ${[x, y]} away`);
    }
  };

  return {
    user,
    clients,
    happened,
    monitors,
    connect(deliver: (bytes: Uint8Array) => void): Client {
      const objects = newObjects();
      const read = createReader("requests", objects);
      const client: ClientParts = {
        objects,
        surfaces: new Map(),
        windows: new Map(),
        popups: new Map(),
        shells: new Map(),
        buffers: new Map(),
        views: new Map(),
        parts: new Map(),
        decorations: new Map(),
        positioners: new Map(),
        locks: new Map(),
        offers: new Map(),
        pipes: new Map(),
        sources: new Map(),
        monitors: new Map(),
        nextOffer: 0xff00_0000,
        freed: [],
        isEnded: false,
        send: (...list) => {
          if (list.length > 0) client.sendFrames(messages(...list));
        },
        sendFrames: (...frames) => {
          if (!client.isEnded) frames.forEach(deliver);
        },
        destroy(id) {
          client.objects.delete(id);
          client.freed.push(id);
        },
        hear(bytes) {
          for (const { id, name, values } of read(bytes)) {
            if (client.isEnded) return;
            handlers[name]?.(client, id, values);
            if (client.isEnded) return;
            const { requests } = protocols.get(name.split(".")[0]!)!;
            if (requests.find((each) => each.name === name)!.isDestructor && id < 0xff00_0000) client.destroy(id);
            else if (requests.find((each) => each.name === name)!.isDestructor) client.objects.delete(id);
          }
        },
        end() {
          if (client.isEnded) return;
          client.isEnded = true;
          for (const surface of client.surfaces.values()) endSurface(surface);
          for (const which of ["copied", "selected"] as const) {
            if (selections[which].owner === client) selections[which] = noSelection();
          }
          if (dragged?.client === client) dragged = undefined;
          clients.delete(client);
        },
      };
      clients.add(client);
      return client;
    },
    checkLent(list: string, how: Given): void {
      if (how === "dropped") {
        keep("drop", droppedLists.delete(list), "files are lent that nobody has dropped, or again");
      }
    },
    isOfHost: (client: Client, offer: number): boolean => (client as ClientParts).offers.get(offer)?.isOfHost ?? false,
    checkRead,
    focus: setFocus,
    point: (to: Surface | undefined) => {
      if (!isGrabbed && down.size === 0) pointTo(to);
    },
    key(isDown: boolean): void {
      if (!focus) return;
      const client = focus.client as ClientParts;
      if (isDown) user.inputMs = now();
      client.send(
        ...of(client, "wl_keyboard").map((id) => message(id, "wl_keyboard.key", serial++, 0, 30, isDown ? 1 : 0)),
      );
    },
    button(isDown: boolean): void {
      const target = pointed?.client as ClientParts | undefined;
      if (isDown && target) {
        down.add("button");
        user.inputMs = now();
      }
      if (!isDown) {
        down.delete("button");
        if (isGrabbed && dragged) dragged = undefined;
        isGrabbed = false;
      }
      target?.send(
        ...of(target, "wl_pointer").map((id) => message(id, "wl_pointer.button", serial++, 0, 272, isDown ? 1 : 0)),
      );
    },
    touch(what: "down" | "up" | "cancel", surface: Surface | undefined): void {
      if (what === "down" ? !surface || fingers : !fingers) return;
      const on = fingers ?? surface!;
      const client = on.client as ClientParts;
      if (what === "down") {
        down.add("finger");
        user.inputMs = now();
      } else down.delete("finger");
      fingers = what === "down" ? on : undefined;
      client.send(
        ...of(client, "wl_touch").map((id) =>
          what === "down"
            ? message(id, "wl_touch.down", serial++, 0, on.id, 0, 2560, 2560)
            : what === "up"
            ? message(id, "wl_touch.up", serial++, 0, 0)
            : message(id, "wl_touch.cancel")
        ),
      );
    },
    hostCopies: (which: "copied" | "selected", types: readonly string[]) =>
      setSelection(which, { owner: "host", source: 0, types }),
    hostDrags(what: "over" | "drop" | "away", { surface, types }: { surface?: Surface; types: readonly string[] }) {
      if (what === "over" ? hostDrag || !surface : !hostDrag) return;
      const on = hostDrag?.surface ?? surface!;
      const client = on.client as ClientParts;
      const devices = of(client, "wl_data_device");
      if (what === "over") {
        hostDrag = { surface: on, offers: [] };
        for (const device of devices) {
          const offer: Offer = { of: "dragged", isOfHost: true, isDropped: false };
          if (types.includes(listType)) offer.list = `S3C ${lists++}`;
          hostDrag.offers.push(offer);
          const id = offerTo(client, { device, types, offer });
          client.send(message(device, "wl_data_device.enter", serial++, on.id, 2560, 2560, id));
        }
        return;
      }
      if (what === "drop") {
        for (const offer of hostDrag!.offers) {
          offer.isDropped = true;
          if (offer.list) droppedLists.add(offer.list);
        }
        user.inputMs = now();
        client.send(...devices.map((device) => message(device, "wl_data_device.drop")));
      } else client.send(...devices.map((device) => message(device, "wl_data_device.leave")));
      hostDrag = undefined;
    },
    hostPastes(which: "copied" | "selected"): void {
      const { owner, source, types } = selections[which];
      if (!owner || owner === "host" || types.length === 0 || !owner.objects.has(source)) return;
      const name = which === "selected" ? "zwp_primary_selection_source_v1" : "wl_data_source";
      if (owner.objects.get(source)!.name !== name) return;
      const client = owner as ClientParts;
      client.sendFrames(frame(7, nextPipe), frame(1, nextPipe--));
      client.send(message(source, `${name}.send`, types[0]!));
    },
    configure(client: Client, window: number, size: readonly [number, number]): void {
      const { surface } = client.windows.get(window)!;
      client.windows.get(window)!.configured = size;
      (client as ClientParts).send(message(window, "xdg_toplevel.configure", ...size, new Uint8Array()));
      if (surface.shell === undefined) return;
      (client as ClientParts).send(message(surface.shell, "xdg_surface.configure", serial++));
    },
    setFrames(client: Client, mode: number): void {
      for (const id of [...(client as ClientParts).decorations.keys()]) setFrame(client as ClientParts, { id, mode });
    },
    setMonitor(index: number, monitor: Monitor): void {
      monitors[index] = monitor;
      for (const { popups } of clients) for (const { screens } of popups.values()) screens.push(logical(monitor));
      for (const client of clients as Set<ClientParts>) {
        for (const [id, of] of client.monitors) {
          const name = client.objects.get(id)?.name;
          if (of !== index || name === undefined) continue;
          client.send(...name === "wl_output" ? monitorEvents(client, id) : xdgMonitorEvents(client, id));
        }
      }
    },
    tellFreed(client: Client): void {
      const freed = client.freed.splice(0);
      (client as ClientParts).send(...freed.map((id) => message(1, "wl_display.delete_id", id)));
    },
    check(isInFrame: (client: Client) => boolean): void {
      steps++;
      for (const client of clients) {
        for (const window of client.windows.values()) checkWindow(client, window);
        for (const popup of client.popups.values()) checkPopup(popup, isInFrame(client));
      }
      checkPictures();
    },
  };
}

/** What else the compositor keeps of a client. */
interface ClientParts extends Client {
  shells: Map<number, Surface>;
  buffers: Map<number, Buffer>;
  views: Map<number, Surface>;
  parts: Map<number, Surface>;
  decorations: Map<number, { decoration: Decoration; window: number }>;
  positioners: Map<number, Positioner>;
  locks: Map<number, Lock>;
  offers: Map<number, Offer>;
  /** What was asked for, by pipes. */
  pipes: Map<number, { offer: Offer; type: string; mayPaste: boolean }>;
  sources: Map<number, string[]>;
  monitors: Map<number, number>;
  nextOffer: number;
  send(...list: readonly Uint8Array[]): void;
  sendFrames(...frames: readonly Uint8Array[]): void;
  destroy(id: number): void;
}

function noSelection(): Selection {
  return { owner: undefined, source: 0, types: [] };
}

function merge(before: Pending, { move, places, ...after }: Pending): Pending {
  const moved = move && [move[0] + (before.move?.[0] ?? 0), move[1] + (before.move?.[1] ?? 0)] as const;
  return {
    ...before,
    ...after,
    ...moved && { move: moved },
    ...places && { places: new Map([...before.places ?? [], ...places]) },
  };
}

function detach(part: Surface): void {
  const { parent } = part;
  if (!parent) return;
  parent.parts = parent.parts.filter((other) => other !== part);
  part.parent = undefined;
}

/** The size of what a surface shows without its parts; undefined for nothing. */
function sizeOf(
  { current: { buffer, destination, source, scale = 1, isTurned } }: Surface,
): readonly [number, number] | undefined {
  if (!buffer) return undefined;
  if (destination ?? source) return (destination ?? source)!;
  const [width, height] = isTurned ? [buffer.height, buffer.width] : [buffer.width, buffer.height];
  return [Math.ceil(width / scale), Math.ceil(height / scale)];
}

/** What a surface shows with its parts, but for some, from its own corner. */
function drawn(surface: Surface, without: readonly Surface[] = []): Box | undefined {
  const size = sizeOf(surface);
  if (!size) return undefined;
  let box: Box = { left: 0, top: 0, right: size[0], bottom: size[1] };
  for (const part of surface.parts) {
    const own = without.includes(part) ? undefined : drawn(part);
    if (own) box = union(box, moved(own, part));
  }
  return box;
}

function moved({ left, top, right, bottom }: Box, { place: [x, y], offset: [dx, dy] }: Surface): Box {
  return { left: left + x + dx, top: top + y + dy, right: right + x + dx, bottom: bottom + y + dy };
}

function boxAt(part: Surface): Box {
  const [width, height] = sizeOf(part) ?? [0, 0];
  return moved({ left: 0, top: 0, right: width, bottom: height }, part);
}

function union(box: Box, other: Box): Box {
  return {
    left: Math.min(box.left, other.left),
    top: Math.min(box.top, other.top),
    right: Math.max(box.right, other.right),
    bottom: Math.max(box.bottom, other.bottom),
  };
}

function overlap(box: Box, other: Box): Box | undefined {
  const [left, top] = [Math.max(box.left, other.left), Math.max(box.top, other.top)];
  const [right, bottom] = [Math.min(box.right, other.right), Math.min(box.bottom, other.bottom)];
  return left < right && top < bottom ? { left, top, right, bottom } : undefined;
}

function grown({ left, top, right, bottom }: Box, by: number): Box {
  return { left: left - by, top: top - by, right: right + by, bottom: bottom + by };
}

function isWithin(box: Box, outer: Box): boolean {
  return box.left >= outer.left && box.top >= outer.top && box.right <= outer.right && box.bottom <= outer.bottom;
}

/** How far a popup is from its parent, and how far it may be. */
function distance(
  { size: [width, height], anchorRect: [x, y, w, h], anchor, gravity, offset }: Positioner,
  parent: Surface,
): { gap: number; reach: number } {
  const [across, down] = [side(anchor, [3, 5, 6], [4, 7, 8]), side(anchor, [1, 5, 7], [2, 6, 8])];
  const [toX, toY] = [side(gravity, [3, 5, 6], [4, 7, 8]), side(gravity, [1, 5, 7], [2, 6, 8])];
  const left = x + w / 2 * (1 + across) + offset[0] - width / 2 * (1 - toX);
  const top = y + h / 2 * (1 + down) + offset[1] - height / 2 * (1 - toY);
  const box = drawn(parent);
  // A popup of what is not shown is not shown.
  if (!box) return { gap: 0, reach: 0 };
  const { left: l, top: t, right: r, bottom: b } = box;
  const gap = Math.max(l - (left + width), left - r, t - (top + height), top - b, 0);
  return { gap, reach: popupReach };
}

/** -1, 0 or 1, by the edges that a positioner names. */
function side(edge: number, before: readonly number[], after: readonly number[]): number {
  return before.includes(edge) ? -1 : after.includes(edge) ? 1 : 0;
}
