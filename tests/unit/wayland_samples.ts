/** Bytes of waypipe's stream and of Wayland's protocol, for tests. */

import { assertThrows } from "@std/assert";
import type { Crossings } from "../../lib/guard/crossings.ts";
import { Violation } from "../../lib/guard/faults.ts";
import type { OpenClipboard } from "../../lib/guard/wayland/carrying.ts";
import { type Connection, createConnection } from "../../lib/guard/wayland/connection.ts";
import { type Filter, finish } from "../../lib/guard/wayland/frames.ts";
import type { LendList } from "../../lib/guard/wayland/dropped_files.ts";
import { writeMessage } from "../../lib/guard/wayland/messages.ts";
import { protocols } from "../../lib/guard/wayland/protocols.ts";
import {
  type Border,
  createWaylandSession,
  type StartedApp,
  type WaylandSession,
} from "../../lib/guard/wayland/session.ts";

/** A frame of waypipe's: words in little-endian, or bytes. */
export function frame(type: number, ...parts: readonly (number | Uint8Array)[]): Uint8Array {
  const bytes = parts.flatMap((part) => typeof part === "number" ? [...word(part)] : [...part]);
  const size = 4 + bytes.length;
  const padding = new Array((4 - size % 4) % 4).fill(0);
  return new Uint8Array([...word(size << 5 | type), ...bytes, ...padding]);
}

/** A word in little-endian. */
export function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
  return bytes;
}

/** A message: `name` is that of a request or event with its interface's, as `wl_surface.attach`. */
export function message(id: number, name: string, ...values: (number | string | null | Uint8Array)[]): Uint8Array {
  const { requests, events } = protocols.get(name.split(".")[0]!)!;
  for (const list of [requests, events]) {
    const type = list.find((type) => type.name === name);
    if (!type) continue;
    // Values of descriptors take no place: they come in frames of their own.
    const all = type.args.map(({ type }) => type === "fd" ? 0 : values.shift()!);
    const object = { id, hostId: id, type: protocols.get(name.split(".")[0]!)!, version: 1, isEnded: false };
    return writeMessage({ sender: "container", object, type }, all);
  }
  throw new Error(`There is no ${name}`);
}

/** A frame of messages. */
export function messages(...list: readonly Uint8Array[]): Uint8Array {
  return frame(0, ...list);
}

/** What the tests' app has: the ids of its objects, in the order in which it makes them. */
export const ids = {
  registry: 2,
  compositor: 3,
  shm: 4,
  shell: 5,
  seat: 6,
  dataManager: 7,
  primaryManager: 8,
  device: 9,
  primaryDevice: 10,
  keyboard: 11,
  pointer: 12,
  surface: 13,
  xdgSurface: 14,
  toplevel: 15,
  pool: 16,
  buffer: 17,
  next: 18,
} as const;

const bound = [
  ["wl_compositor", ids.compositor, 6],
  ["wl_shm", ids.shm, 1],
  ["xdg_wm_base", ids.shell, 3],
  ["wl_seat", ids.seat, 7],
  ["wl_data_device_manager", ids.dataManager, 3],
  ["zwp_primary_selection_device_manager_v1", ids.primaryManager, 1],
] as const;

/** A connection for tests. */
export interface Trial {
  /** What the container sends is judged at once. */
  connection: Omit<Connection, "fromContainer"> & { fromContainer: Filter };
  /** What the container sends is judged step by step. */
  steps: Connection["fromContainer"];
  session: WaylandSession;
  /** Lines that the user was told. */
  told: string[];
  /** The container sends messages. Gives those that pass. */
  app(...list: readonly Uint8Array[]): Uint8Array;
  /** The host sends messages. */
  host(...list: readonly Uint8Array[]): Uint8Array;
  /** So many milliseconds pass. */
  wait(ms: number): void;
}

/** What the borders of windows look like here. */
export const border: Border = { colour: "#12ab00", width: 4 };

/** A connection, of which nothing has come. */
export function trial(
  clipboard: OpenClipboard = { in: true, out: true },
  more: { crossings?: Crossings; lend?: LendList; takeOut?: (list: string) => void; started?: StartedApp } = {},
): Trial {
  const told: string[] = [];
  let now = 0;
  const session = createWaylandSession({
    container: "box",
    clipboard,
    border,
    ...more,
    tell: (line) => told.push(line),
    now: () => now,
  });
  const made = createConnection({ session, compression: "none" });
  const connection = { ...made, fromContainer: (chunk: Uint8Array) => finish(made.fromContainer(chunk)) };
  const passed = (filter: Connection["fromHost"], list: readonly Uint8Array[]): Uint8Array => {
    const read = messages(...list);
    const body = new Uint8Array(filter(read).flatMap((piece) => [...piece])).slice(4);
    // What is read next comes into the same bytes.
    read.fill(0xee);
    return body;
  };
  return {
    connection,
    steps: made.fromContainer,
    session,
    told,
    app: (...list) => passed(connection.fromContainer, list),
    host: (...list) => passed(connection.fromHost, list),
    wait: (ms) => void (now += ms),
  };
}

/** The app has bound its globals, and the devices of its seat. */
export function withGlobals(clipboard?: OpenClipboard, made = trial(clipboard)): Trial {
  made.app(message(1, "wl_display.get_registry", ids.registry));
  made.host(...bound.map(([name, id, version]) => message(ids.registry, "wl_registry.global", id, name, version)));
  made.app(...bound.map(([name, id, version]) => message(ids.registry, "wl_registry.bind", id, name, version, id)));
  made.app(
    message(ids.dataManager, "wl_data_device_manager.get_data_device", ids.device, ids.seat),
    message(ids.primaryManager, "zwp_primary_selection_device_manager_v1.get_device", ids.primaryDevice, ids.seat),
    message(ids.seat, "wl_seat.get_keyboard", ids.keyboard),
    message(ids.seat, "wl_seat.get_pointer", ids.pointer),
  );
  return made;
}

/** It has a window with a picture of 400 × 300. */
export function withWindow(clipboard?: OpenClipboard): Trial {
  const made = withGlobals(clipboard);
  showWindow(made);
  return made;
}

/** Opens a window with a picture of 400 × 300. Gives what passes when it is shown. */
export function showWindow(made: Trial): Uint8Array {
  made.app(
    message(ids.compositor, "wl_compositor.create_surface", ids.surface),
    message(ids.shell, "xdg_wm_base.get_xdg_surface", ids.xdgSurface, ids.surface),
    message(ids.xdgSurface, "xdg_surface.get_toplevel", ids.toplevel),
  );
  made.connection.fromContainer(frame(2, 1, 400 * 300 * 4));
  made.connection.fromContainer(frame(1, 1));
  return made.app(
    message(ids.shm, "wl_shm.create_pool", ids.pool, 400 * 300 * 4),
    message(ids.pool, "wl_shm_pool.create_buffer", ids.buffer, 0, 400, 300, 1600, 0),
    message(ids.surface, "wl_surface.attach", ids.buffer, 0, 0),
    message(ids.surface, "wl_surface.commit"),
  );
}

/** The compositor gives the window the keyboard, and the user presses a key there. */
export function use({ host }: Trial): void {
  host(message(ids.keyboard, "wl_keyboard.enter", 5, ids.surface, new Uint8Array()));
  host(message(ids.keyboard, "wl_keyboard.key", 6, 0, 30, 1));
}

/**
 * The app asks for what it was offered, by the pipe of this number, and the host's end sends it.
 *
 * @param receive the message by which it asks
 * @returns what the host gets of that message, and whether the data reaches the container
 */
export function readData(
  { connection, app }: Trial,
  { pipe, receive }: { pipe: number; receive: Uint8Array },
): { asked: Uint8Array; isRead: boolean } {
  connection.fromContainer(frame(7, pipe));
  connection.fromContainer(frame(1, pipe));
  const asked = app(receive);
  return { asked, isRead: dataPasses(connection.fromHost, pipe) };
}

/** Whether bytes that an end sends into a pipe reach the other one. */
export function dataPasses(from: Connection["fromHost"], pipe: number): boolean {
  const sent = frame(10, pipe, new Uint8Array([1, 2, 3]));
  return from(sent).reduce((sum, { length }) => sum + length, 0) === sent.length;
}

export const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
export const nothing = new Uint8Array();

export function refused(action: () => unknown, reason: string): void {
  assertThrows(action, Violation, reason);
}

/** The app binds a screen that is announced with this number, as the object `id`. */
export function bindScreen(
  { app, host }: Trial,
  { number, id, version = 4 }: { number: number; id: number; version?: number },
): void {
  host(message(ids.registry, "wl_registry.global", number, "wl_output", 4));
  app(message(ids.registry, "wl_registry.bind", number, "wl_output", version, id));
}

/** Gives the window a part, as large as it is itself, at this place. Returns a function that commits the part. */
export function part({ app, host }: Trial, x: number, { isSync = false } = {}): () => Uint8Array {
  const [manager, surface, own] = [ids.next, ids.next + 1, ids.next + 2];
  host(message(ids.registry, "wl_registry.global", 91, "wl_subcompositor", 1));
  app(
    message(ids.registry, "wl_registry.bind", 91, "wl_subcompositor", 1, manager),
    message(ids.compositor, "wl_compositor.create_surface", surface),
    message(manager, "wl_subcompositor.get_subsurface", own, surface, ids.surface),
    message(own, "wl_subsurface.set_position", x, 0),
    message(own, isSync ? "wl_subsurface.set_sync" : "wl_subsurface.set_desync"),
    message(surface, "wl_surface.attach", ids.buffer, 0, 0),
  );
  return () => app(message(surface, "wl_surface.commit"));
}

/** Gives a surface a viewport of this size, which counts at the next commit. Takes two ids. */
export function viewport(
  { app, host }: Trial,
  at: { id: number; surface: number; size: readonly [number, number] },
): number {
  const [manager, view] = [at.id, at.id + 1];
  host(message(ids.registry, "wl_registry.global", 92, "wp_viewporter", 1));
  app(
    message(ids.registry, "wl_registry.bind", 92, "wp_viewporter", 1, manager),
    message(manager, "wp_viewporter.get_viewport", view, at.surface),
    message(view, "wp_viewport.set_destination", ...at.size),
  );
  return view;
}

/** What the borders of windows need: the app does not bind these. */
const forBorders = ["wl_subcompositor", "wp_viewporter", "wp_single_pixel_buffer_manager_v1"];

/** A window on a desktop where there can be borders. Its own objects end with the id 17. */
export function withBorder(): { made: Trial; commit: Uint8Array } {
  const made = withGlobals();
  made.host(...forBorders.map((name, index) => message(ids.registry, "wl_registry.global", 50 + index, name, 1)));
  return { made, commit: showWindow(made) };
}

/** The strips and plates that are placed in these messages of the guard's: where each is, and how large. */
export function placed(sent: Uint8Array): number[][] {
  const view = new DataView(sent.buffer, sent.byteOffset, sent.byteLength);
  const found: number[][] = [];
  const [position, destination] = [16 << 16 | 1, 16 << 16 | 2];
  for (let at = 0; at < sent.length; at += view.getUint16(at + 6, true)) {
    if (view.getUint32(at + 4, true) !== position || view.getUint32(at + 20, true) !== destination) continue;
    found.push([8, 12, 24, 28].map((offset) => view.getInt32(at + offset, true)));
  }
  return found;
}
