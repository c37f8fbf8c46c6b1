/**
 * xpra's client in memory, with the X display and the user behind it: what the guard's host end is connected to. It keeps
 * what the real one keeps (windows and their places, popups, focus, buttons, selections, requests), does what that does,
 * and checks the promises when a packet arrives, and after each step.
 */

import type { ChannelName } from "../../lib/channels/table.ts";
import type { Dict, Value } from "../../lib/guard/xpra/rencode.ts";
import type { Packet } from "../../lib/guard/xpra/packets.ts";
import { clientHello } from "../fuzz/samples.ts";
import { awayMs, isTextOrPicture, isWorking, keep, moveFocus, newUser, type User } from "./promises.ts";

/** Where something is on the screen. */
export interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

interface Shown extends Place {
  isPopup: boolean;
  isMapped: boolean;
}

/** What may happen: a run in which it does not tells nothing. */
export const happenings = [
  "windows",
  "popups",
  "fullscreens",
  "raises",
  "drags",
  "copies",
  "pastes",
  "selected pastes",
  "host pastes",
] as const;

/** The client, with its user. */
export interface XpraClient {
  user: User;
  happened: ReadonlyMap<string, number>;
  windows: ReadonlyMap<number, Readonly<Shown>>;
  /** A packet has passed the guard. */
  hear(packet: Packet): void;
  /** Says hello. */
  begin(): void;
  /** The window manager gives the keyboard to a window, or to another program's with 0. */
  focus(window: number): void;
  key(isDown: boolean): void;
  button(window: number, isDown: boolean): void;
  /** The user moves a window. */
  move(window: number, place: Place): void;
  /** The user minimizes a window. */
  hide(window: number): void;
  /** Something is copied, or selected, in another program of the host's. */
  hostCopies(selection: string, targets: readonly string[]): void;
  /** The user pastes what the container has copied, in another program of the host's. */
  hostPastes(selection: string, target: string): void;
  ping(): void;
  /** Checks what is on the screen. @throws {Broken} */
  check(): void;
}

/** What is in the host's selections. */
export const selectionSecret = "S3L3CT10N";
/** Of the key that is pressed while another program has the keyboard. */
export const elsewhereCode = 99;
/** The screen of `clientHello`. */
const screen = { width: 1920, height: 1200 };
/** Pixels around a window in which a popup must begin. */
const reach = 48;
/** For so long the container may read nothing, in milliseconds, while somebody works in its windows. */
const maxStuckMs = 2_000;

/** What a packet of the container may be: it shows windows, rings, or is about the clipboard. */
const knownTypes =
  /^(hello|startup-complete|disconnect|ping|ping_echo|new-(window|override-redirect|tray)|lost-window|window-(metadata|move-resize|resized|icon)|configure-override-redirect|(raise|restack)-window|initiate-moveresize|draw|eos|cursor|bell|(set-)?clipboard-[a-z-]+)$/;

/** A client that has just started. `say` takes what it sends; `stuckMs`: for how long the container has not read. */
export function createXpraClient(
  { now, open, say, stuckMs }: {
    now(): number;
    open: ReadonlySet<ChannelName>;
    say(packet: Packet): void;
    stuckMs(): number;
  },
): XpraClient {
  const user: User = newUser();
  const happened = new Map<string, number>();
  const note = (what: typeof happenings[number]): void => void happened.set(what, (happened.get(what) ?? 0) + 1);
  const windows = new Map<number, Shown>();
  const owners: Record<string, "host" | "container"> = { CLIPBOARD: "host", PRIMARY: "host" };
  let focused = 0;
  let request = 0;
  /** The window in which a button is down, or 0. */
  let pressed = 0;
  const asked = new Set<number>();
  const isThere = (): boolean => isWorking(user, now()) && stuckMs() <= maxStuckMs;
  const send = (type: string, ...args: Value[]): void => say({ type, args });
  const setFocus = (window: number): void => {
    if (window === focused) return;
    focused = window;
    moveFocus(user, window !== 0, now());
  };
  const checkTargets = (targets: Value | undefined): void => {
    for (const target of Array.isArray(targets) ? targets : []) {
      keep("types", target === "TARGETS" || target === "TIMESTAMP" || isTextOrPicture(`${target}`), `${target}`);
    }
  };
  const checkDescription = (description: Dict): void => {
    for (const name of ["title", "icon-title"]) {
      const title = description.get(name);
      keep("mark", title === undefined || `${title}`.startsWith("[box] "), `a title ${title}`);
    }
    for (const name of (description.get("class-instance") as string[] | undefined) ?? []) {
      keep("mark", name.startsWith("box."), `a class ${name}`);
    }
    if (description.get("fullscreen") !== true) return;
    keep("fullscreen", isThere(), "the whole screen");
    note("fullscreens");
  };
  const openWindow = (values: Value[], isPopup: boolean): void => {
    const [window, x, y, width, height] = values as number[] as [number, number, number, number, number];
    const description = values[5] as Dict;
    keep("mark", description.has("title"), "a window without a title");
    checkDescription(description);
    if (isPopup) keep("popup", (awayMs(user, now()) === 0) && stuckMs() <= maxStuckMs, "one opens");
    const isOfWindow = [...windows.values()].some((other) => other.isMapped && isNear({ x, y, width, height }, other));
    keep("cover", !isPopup || isOfWindow, "one is far from all windows");
    windows.set(window, { x, y, width, height, isPopup, isMapped: isPopup });
    note(isPopup ? "popups" : "windows");
    if (isPopup) return;
    windows.get(window)!.isMapped = true;
    send("map-window", window, x, y, width, height, new Map(), new Map());
  };
  const mayCopy = (of: Value | undefined): void => {
    keep("copy", open.has("clipboard-out") && isThere(), `it sets ${of}`);
    owners[of as string] = "container";
    note("copies");
  };
  const handlers: Record<string, (values: Value[]) => void> = {
    "ping": ([time]) => send("ping_echo", time!, 0, 0, 0, 0, ""),
    "new-window": (values) => openWindow(values, false),
    "new-override-redirect": (values) => openWindow(values, true),
    "lost-window": ([window]) => {
      windows.delete(window as number);
      if (focused !== window) return;
      setFocus(0);
      send("focus", 0, []);
    },
    "window-metadata": ([, description]) => checkDescription(description as Dict),
    "window-move-resize": (values) => move(values as number[]),
    "configure-override-redirect": (values) => move(values as number[]),
    "window-resized": ([window, width, height]) => {
      const known = windows.get(window as number);
      if (known) move([window as number, known.x, known.y, width as number, height as number]);
    },
    "raise-window": () => {
      keep("fullscreen", isThere() && focused !== 0, "the front");
      note("raises");
    },
    "restack-window": () => keep("fullscreen", isThere() && focused !== 0, "the front"),
    "initiate-moveresize": ([, , , direction]) => {
      keep("drag", isThere() && (pressed !== 0 || direction === 11), "it drags a window");
      pressed = 0;
      note("drags");
    },
    "clipboard-token": ([of, targets, , , , , , claim]) => {
      checkTargets(targets);
      if (targets !== undefined && claim !== false) mayCopy(of);
    },
    "clipboard-request": ([id, of, target]) => {
      checkTargets([target!]);
      keep("paste", open.has("clipboard-in"), "the channel is closed");
      const isData = target !== "TARGETS" && target !== "TIMESTAMP";
      if (owners[of as string] === "host") keep("paste", (of !== "PRIMARY" && !isData) || isThere(), `it reads ${of}`);
      note(of === "PRIMARY" ? "selected pastes" : "pastes");
      send("clipboard-contents", id!, of!, "UTF8_STRING", 8, "bytes", new TextEncoder().encode(selectionSecret), 0);
    },
    "clipboard-contents": ([id]) => {
      keep("copy", asked.delete(id as number), "contents that nobody has asked for");
      note("host pastes");
    },
  };
  const move = ([window, x, y, width, height]: number[]): void => {
    const known = windows.get(window!);
    if (!known) return;
    Object.assign(known, { x, y, width, height });
    // The window manager agrees.
    if (!known.isPopup && known.isMapped) {
      send("configure-window", window!, x!, y!, width!, height!, new Map(), 0, new Map(), true);
    }
  };
  return {
    user,
    happened,
    windows,
    begin: () => say(clientHello),
    hear({ type, args }) {
      keep("order", knownTypes.test(type), `a packet ${type}`);
      handlers[type]?.(args);
    },
    focus(window) {
      setFocus(window);
      send("focus", window, []);
    },
    key(isPressed) {
      if (isPressed && focused !== 0) user.inputMs = now();
      send("key-action", focused, "h", isPressed, [], 104, "h", focused === 0 ? elsewhereCode : 43, 0);
    },
    button(window, isPressed) {
      if (!isPressed && pressed !== window) return;
      pressed = isPressed ? window : 0;
      // A click into a popup that only crosses the way is none into a window.
      if (!windows.get(window)!.isPopup || focused !== 0) user.inputMs = now();
      const at = windows.get(window)!;
      send("pointer-button", 0, 2, window, 1, isPressed, [at.x + 2, at.y + 2, 2, 2], new Map());
    },
    move(window, { x, y, width, height }) {
      Object.assign(windows.get(window)!, { x, y, width, height, isMapped: true });
      send("configure-window", window, x, y, width, height, new Map(), 0, new Map(), true);
    },
    hide(window) {
      windows.get(window)!.isMapped = false;
      send("unmap-window", window, false);
    },
    hostCopies(selection, targets) {
      owners[selection] = "host";
      send("clipboard-token", selection, [...targets], "", "", 8, "", new Uint8Array(), true, false, true);
    },
    hostPastes(selection, target) {
      if (owners[selection] !== "container") return;
      asked.add(++request);
      send("clipboard-request", request, selection, target);
    },
    ping: () => send("ping", 1),
    check() {
      const ms = Math.max(awayMs(user, now()), stuckMs() - maxStuckMs);
      const popups = [...windows.values()].filter(({ isPopup }) => isPopup);
      keep("popup", popups.length === 0 || ms <= 2_100, `${popups.length} are open after ${ms} ms`);
      const area = ({ width, height }: { width: number; height: number }): number => width * height;
      for (const { x, y, width, height, isPopup } of windows.values()) {
        const isInside = x >= 0 && y >= 0 && x + width <= screen.width && y + height <= screen.height;
        keep("inside", isInside || !isPopup, `a popup at ${[x, y, width, height]}`);
        if (isPopup) keep("cover", area({ width, height }) * 2 <= area(screen), `one of ${width} × ${height}`);
      }
      keep("cover", popups.reduce((sum, popup) => sum + area(popup), 0) <= area(screen) * 0.75, "all together");
    },
  };
}

/** Whether a popup is near a window, or another popup. */
function isNear(place: Place, other: Place): boolean {
  return place.x <= other.x + other.width + reach && other.x <= place.x + place.width + reach &&
    place.y <= other.y + other.height + reach && other.y <= place.y + place.height + reach;
}
