/** The two wires as one interface, for tests of the policy that both guards share: an app with a window, and a user. */

import { createCrossings, type Crossing } from "../../../lib/guard/crossings.ts";
import { Refusal, Violation } from "../../../lib/guard/faults.ts";
import { judgeClientPacket } from "../../../lib/guard/xpra/client_packets.ts";
import type { Packet } from "../../../lib/guard/xpra/packets.ts";
import type { Dict, Value } from "../../../lib/guard/xpra/rencode.ts";
import { judgeServerPacket } from "../../../lib/guard/xpra/server_packets.ts";
import { closeStrays, createSession } from "../../../lib/guard/xpra/session.ts";
import { bytes, clientHello, description, dict, serverHello } from "../../fuzz/samples.ts";
import {
  dataPasses,
  frame,
  ids,
  message,
  nothing,
  readData,
  showWindow,
  trial,
  withGlobals,
} from "../wayland_samples.ts";

/** A guard, an app with a window that is shown, and what happens there. */
export interface World {
  /** What has crossed the clipboard. */
  crossed(): Crossing[];
  /** So many milliseconds pass, and the guard looks. */
  wait(ms: number): void;
  /** The desktop gives the window the keyboard, or takes it away. */
  enter(): void;
  leave(): void;
  /** The user presses a key in the window, or the first button of the pointer, or lets that go. */
  press(): void;
  button(isDown: boolean): void;
  /** The app copies something of these types. The types that the host learns; undefined: it does not hear of it. */
  copy(types?: readonly string[]): string[] | undefined;
  /** Whether a program of the host's gets what the app has copied. */
  paste(type?: string): boolean;
  /** Something of these types is copied on the host, or only selected. The types that the app learns. */
  offer(types?: readonly string[], selection?: Selection): string[];
  /** Whether the app gets that. */
  read(type?: string, selection?: Selection): boolean;
  /** A direction of the clipboard is closed. */
  close(direction: "in" | "out"): void;
  /** Whether the window comes to the front, fills the screen, or is moved with the pointer. */
  comesToFront(): boolean;
  fillsScreen(): boolean;
  isDragged(): boolean;
  /** The title that the host gets for one of the app's; undefined: it does not change. */
  title(text: string): string | undefined;
  /** Whether another window opens, or a menu of this size beside the window. */
  opens(): boolean;
  popsUp(width: number, height: number): boolean;
  /** How many menus were closed by the guard. */
  closed(): number;
}

export type Selection = "copied" | "selected";

export interface WorldOptions {
  clipboard?: { in: boolean; out: boolean };
  /** Whether there is room in the history. */
  mayReport?: boolean;
}

export interface Wire {
  name: string;
  world(options?: WorldOptions): World;
}

function history(mayReport: boolean) {
  const crossed: Crossing[] = [];
  const crossings = createCrossings({
    report: ({ time: _, ...crossing }) => void crossed.push(crossing),
    tell() {},
    mayReport: () => mayReport,
  });
  const all = (): Crossing[] => (crossings.flush({ all: true }), crossed);
  return { crossings, crossed: all };
}

/** What `act` returns; undefined if the guard refuses it. */
function orRefused<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof Refusal || error instanceof Violation) return undefined;
    throw error;
  }
}

function xWorld({ clipboard = { in: true, out: true }, mayReport = true }: WorldOptions = {}): World {
  let now = 0;
  let id = 10;
  let gone = 0;
  const open = new Set<string>();
  if (clipboard.in) open.add("clipboard-in");
  if (clipboard.out) open.add("clipboard-out");
  const { crossings, crossed } = history(mayReport);
  const session = createSession({ container: "box", open, now: () => now, uuid: "0f".repeat(16), crossings });
  const passed = (judge: typeof judgeClientPacket) => (type: string, ...args: Value[]): Packet | undefined =>
    orRefused(() => judge({ type, args }, session).pass?.[0]);
  const [client, server] = [passed(judgeClientPacket), passed(judgeServerPacket)];
  const nameOf = (selection: Selection): string => selection === "copied" ? "CLIPBOARD" : "PRIMARY";
  const contents = (type: string): Value[] => ["CLIPBOARD", type, 8, "bytes", bytes(3), 0];
  judgeClientPacket(clientHello, session);
  judgeServerPacket(serverHello, session);
  server("new-window", 1, 100, 100, 400, 300, description, new Map());
  client("map-window", 1, 100, 100, 400, 300, new Map(), new Map());
  const described = (about: Parameters<typeof dict>[0]): Dict | undefined =>
    server("window-metadata", 1, dict(about))?.args[1] as Dict | undefined;
  const token = (types: readonly string[]): Value[] => [[...types], "", "", 8, "", new Uint8Array(), true, true];
  return {
    crossed,
    wait(ms) {
      now += ms;
      gone += closeStrays(session).length;
    },
    enter: () => void client("focus", 1, []),
    leave: () => void client("focus", 0, []),
    press: () => void client("key-action", 1, "h", true, [], 104, "h", 43, 0),
    button: (isDown) => void client("pointer-button", 0, 1, 1, 1, isDown, [1, 1], new Map()),
    copy: (types = ["UTF8_STRING"]) => server("clipboard-token", "CLIPBOARD", ...token(types))?.args[1] as string[],
    paste(type = "UTF8_STRING") {
      const asked = client("clipboard-request", ++id, "CLIPBOARD", type);
      return asked?.type === "clipboard-request" && server("clipboard-contents", id, ...contents(type)) !== undefined;
    },
    offer: (types = ["UTF8_STRING"], selection = "copied") =>
      (client("clipboard-token", nameOf(selection), ...token(types))?.args[1] ?? []) as string[],
    read(type = "UTF8_STRING", selection = "copied") {
      const asked = server("clipboard-request", ++id, nameOf(selection), type);
      const [, ...rest] = contents(type);
      return asked !== undefined && client("clipboard-contents", id, nameOf(selection), ...rest) !== undefined;
    },
    close: (direction) => void open.delete(`clipboard-${direction}`),
    comesToFront: () => server("raise-window", 1) !== undefined,
    fillsScreen: () => described({ fullscreen: true })?.has("fullscreen") === true,
    isDragged: () => server("initiate-moveresize", 1, 0, 0, 8, 1, 1) !== undefined,
    title: (text) => described({ title: text })?.get("title") as string | undefined,
    opens: () => server("new-window", ++id, 100, 100, 400, 300, description, new Map()) !== undefined,
    popsUp: (width, height) =>
      server("new-override-redirect", ++id, 110, 110, width, height, new Map(), new Map()) !== undefined,
    closed: () => gone,
  };
}

function waylandWorld({ clipboard, mayReport = true }: WorldOptions = {}): World {
  const { crossings, crossed } = history(mayReport);
  const made = withGlobals(clipboard, trial(clipboard && { ...clipboard }, { crossings }));
  const { app, host, connection, session } = made;
  showWindow(made);
  let id: number = ids.next;
  let pipe = 1;
  let gone = 0;
  let source: number | undefined;
  let activation: number | undefined;
  const offers: Partial<Record<Selection, number>> = {};
  const isPassed = (list: readonly Uint8Array[]): boolean => (orRefused(() => app(...list)) ?? nothing).length > 0;
  const isSame = (one: Uint8Array, other: Uint8Array): boolean => `${one}` === `${other}`;
  return {
    crossed,
    wait(ms) {
      made.wait(ms);
      const leaving = connection.leave();
      if (leaving && leaving !== "later" && leaving.toContainer.length > 0) gone++;
    },
    enter: () => void host(message(ids.keyboard, "wl_keyboard.enter", 5, ids.surface, nothing)),
    leave: () => void host(message(ids.keyboard, "wl_keyboard.leave", 8, ids.surface)),
    press: () => void host(message(ids.keyboard, "wl_keyboard.key", 6, 0, 30, 1)),
    button: (isDown) => void host(message(ids.pointer, "wl_pointer.button", 6, 0, 272, isDown ? 1 : 0)),
    copy(types = ["UTF8_STRING"]) {
      const made = id++;
      app(message(ids.dataManager, "wl_data_device_manager.create_data_source", made));
      const named = types.filter((type) => {
        const offer = message(made, "wl_data_source.offer", type);
        return isSame(app(offer), offer);
      });
      const isTaken = app(message(ids.device, "wl_data_device.set_selection", made, 6)).length > 0;
      const left = isTaken ? source : made;
      if (left !== undefined) app(message(left, "wl_data_source.destroy"));
      if (!isTaken) return undefined;
      source = made;
      return named;
    },
    paste(type = "UTF8_STRING") {
      const own = -pipe++;
      connection.fromHost(frame(7, own));
      connection.fromHost(frame(1, own));
      host(message(source!, "wl_data_source.send", type));
      return dataPasses(connection.fromContainer, own);
    },
    offer(types = ["UTF8_STRING"], selection = "copied") {
      const offer = 0xff00_0000 + pipe++;
      offers[selection] = offer;
      const [device, one, kind] = selection === "copied"
        ? [ids.device, "wl_data_offer", "wl_data_device"]
        : [ids.primaryDevice, "zwp_primary_selection_offer_v1", "zwp_primary_selection_device_v1"];
      host(message(device, `${kind}.data_offer`, offer));
      const heard = types.filter((type) => host(message(offer, `${one}.offer`, type)).length > 0);
      host(message(device, `${kind}.selection`, offer));
      return heard;
    },
    read(type = "UTF8_STRING", selection = "copied") {
      const one = selection === "copied" ? "wl_data_offer" : "zwp_primary_selection_offer_v1";
      const receive = message(offers[selection]!, `${one}.receive`, type);
      const own = pipe++;
      const isRead = orRefused(() => readData(made, { pipe: own, receive }).isRead) ?? false;
      // Both ends close it.
      orRefused(() => [connection.fromContainer(frame(11, own)), connection.fromHost(frame(12, own))]);
      return isRead;
    },
    close: (direction) => void session.carrying.carry({ close: [direction] }),
    comesToFront() {
      if (activation === undefined) {
        activation = id++;
        host(message(ids.registry, "wl_registry.global", 96, "xdg_activation_v1", 1));
        app(message(ids.registry, "wl_registry.bind", 96, "xdg_activation_v1", 1, activation));
      }
      return isPassed([message(activation, "xdg_activation_v1.activate", "token", ids.surface)]);
    },
    fillsScreen: () => app(message(ids.toplevel, "xdg_toplevel.set_fullscreen", 0)).length > 0,
    isDragged: () => app(message(ids.toplevel, "xdg_toplevel.move", ids.seat, 6)).length > 0,
    title(text) {
      const passed = app(message(ids.toplevel, "xdg_toplevel.set_title", text));
      return passed.length === 0 ? undefined : new TextDecoder().decode(passed.subarray(12)).replace(/\0+$/, "");
    },
    opens() {
      const [surface, shell, own] = [id++, id++, id++] as const;
      return isPassed([
        message(ids.compositor, "wl_compositor.create_surface", surface),
        message(ids.shell, "xdg_wm_base.get_xdg_surface", shell, surface),
        message(shell, "xdg_surface.get_toplevel", own),
      ]);
    },
    popsUp(width, height) {
      const [surface, shell, positioner, own] = [id++, id++, id++, id++] as const;
      const isMade = isPassed([
        message(ids.compositor, "wl_compositor.create_surface", surface),
        message(ids.shell, "xdg_wm_base.get_xdg_surface", shell, surface),
        message(ids.shell, "xdg_wm_base.create_positioner", positioner),
        message(positioner, "xdg_positioner.set_size", width, height),
        message(positioner, "xdg_positioner.set_anchor_rect", 0, 0, 10, 10),
        message(shell, "xdg_surface.get_popup", own, ids.xdgSurface, positioner),
      ]);
      return isMade && isPassed([message(surface, "wl_surface.attach", ids.buffer, 0, 0)]);
    },
    closed: () => gone,
  };
}

export const wires: readonly Wire[] = [{ name: "X", world: xWorld }, { name: "Wayland", world: waylandWorld }];
