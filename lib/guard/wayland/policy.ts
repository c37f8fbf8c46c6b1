/** What an app in a container may do on the host's compositor, message by message. */

import { Violation } from "../faults.ts";
import {
  coversTooMuch,
  coverTooMuch,
  leaveMs,
  maxPointerSide,
  maxSide,
  minMenu,
  popupReach,
  type Size,
} from "../limits.ts";
import { classOf, titleOf } from "../title.ts";
import type { Message, WaylandObject } from "./connection.ts";
import type { Descriptor, Descriptors } from "./descriptors.ts";
import { type Addition, type Create, createBorders } from "./border.ts";
import { createOutputs } from "./outputs.ts";
import { createRectangles } from "./rectangles.ts";
import { createClipboard } from "./clipboard.ts";
import { globals } from "./globals.ts";
import { createInput } from "./input.ts";
import type { ArgumentValue } from "./messages.ts";
import { protocols } from "./protocols.ts";
import type { Counted, WaylandSession } from "./session.ts";
import { borderOf, createSurfaces, dropped, type Surface, surfaceHandlers } from "./surfaces.ts";

/** What becomes of a message that does not pass as it is. */
export interface MessageVerdict {
  /** It does not pass. */
  drop?: true;
  /** The arguments that pass in the place of its own. */
  values?: readonly ArgumentValue[];
  /** What passes in front of it. */
  before?: readonly Addition[];
  /** What passes after it. */
  after?: readonly Addition[];
}

/** The policy for one connection. */
export interface Policy {
  /** What becomes of a message; undefined: it passes. */
  judge(message: Message): MessageVerdict | undefined;
  /**
   * Whether the app may bind a global.
   *
   * @throws {Violation} when it may not
   */
  checkBind(number: number, as: { name: string; version: number }): void;
  /** Whether the descriptor of a message is that of a file; else it is a pipe's. */
  sendsFile(name: string): boolean;
  /** An object ends. */
  ended(object: WaylandObject): void;
  /** Whether there are popups, and the user has left. */
  mustClose(): boolean;
  /** Whether there is anything for {@linkcode Policy.leave}: those, or what of the clipboard is over. */
  mustLeave(): boolean;
  /** What closes and takes these away: for the app, and for the compositor. */
  leave(): { events: Addition[]; requests: Addition[] };
  /** The connection has ended. */
  end(): void;
}

/** Globals that are there, or were just now, and those of them that are gone: monitors come and go. */
const maxGlobals = 1_000;
const maxGone = 100;

/** What makes an object that hears of what the user does, or of data. */
const makesDevice = [
  ...["wl_seat.get_pointer", "wl_seat.get_keyboard", "wl_seat.get_touch"],
  ...["wl_data_device_manager.get_data_device", "zwp_primary_selection_device_manager_v1.get_device"],
  ...["zwp_pointer_gestures_v1.get_swipe_gesture", "zwp_pointer_gestures_v1.get_pinch_gesture"],
  ...["zwp_pointer_gestures_v1.get_hold_gesture", "zwp_relative_pointer_manager_v1.get_relative_pointer"],
  ...["zwp_tablet_manager_v2.get_tablet_seat", "zwp_text_input_manager_v3.get_text_input"],
];

/** What says that an offer is copied, selected or over a window, until the same object says otherwise. */
const offersOfDevice = /_device(_v1)?\.(selection|enter|drop)$/;

/** The policy for a new connection. */
export function createPolicy(
  { session, descriptors, create, readSource }: {
    session: WaylandSession;
    descriptors: Descriptors;
    create: Create;
    readSource: Parameters<typeof createClipboard>[0]["readSource"];
  },
): Policy {
  const { container, attention } = session;
  /** The globals that were announced to the app, by their numbers. */
  const offered = new Map<number, { name: string; version: number }>();
  /** Those of them that are gone. An app that does not know yet may still bind one. */
  const gone = new Set<number>();
  const counted = new Map<WaylandObject, Counted>();
  const files = new Map<WaylandObject, { file: Descriptor; size: number }>();
  const buffers = new WeakMap<WaylandObject, Size>();
  /** The window or popup to which a popup belongs. */
  const parents = new WeakMap<WaylandObject, Surface>();
  const popups = new Set<WaylandObject>();
  const hiddenPopups = new WeakSet<WaylandObject>();
  /** The windows that the desktop gives a frame, and those whose frame an object is about. */
  const framed = new WeakSet<WaylandObject>();
  const decorated = new WeakMap<WaylandObject, WaylandObject>();
  const positioners = new WeakMap<WaylandObject, Positioner>();
  const outputs = createOutputs();
  const rectangles = createRectangles();
  let registry: WaylandObject | undefined;
  const { border } = session;
  const borders = createBorders({
    border,
    create,
    registry: () => registry,
    numberOf: (global) => [...offered].find(([, { name }]) => name === global)?.[0],
  });

  const count = (object: WaylandObject, what: Counted): void => {
    session.add(what);
    counted.set(object, what);
    if (what === "toplevel") session.closing.open(object);
  };
  const surfaces = createSurfaces({
    session,
    mayPopUp: (surface, size) => mayCover(surface, size),
    screens: outputs.pixels,
  });
  const title = (value: ArgumentValue): string => titleOf(container, value as string);
  const appId = (value: ArgumentValue): string => classOf(container, value as string);

  const whileUsed = (): MessageVerdict | undefined => attention.isUsed() ? undefined : dropped;
  const notTooOften = (): MessageVerdict | undefined => session.rates.change() ? undefined : dropped;
  /** A window is moved, or its edge, by a button that is down. */
  const mayDrag = (): MessageVerdict | undefined => {
    if (!input.isPressed()) return dropped;
    input.forgetPresses();
    return undefined;
  };
  const number = (value: ArgumentValue | undefined): number => value as number;
  const setCursor = ({ objects, values }: Message): MessageVerdict | undefined => {
    const isFar = [values[2], values[3]].some((value) => number(value) < 0 || number(value) > maxPointerSide);
    return isFar ? dropped : surfaces.setRole(objects[1], "pointer");
  };

  const data = createClipboard({
    session,
    input: () => input,
    setDragged: (surface) => surfaces.setRole(surface, "drag"),
    readSource,
  });
  const input = createInput({ session, release: data.release });
  const ofSurfaces = surfaceHandlers(surfaces, { bufferSize: (buffer) => buffers.get(buffer)! });
  const handlers: Readonly<Record<string, (message: Message) => MessageVerdict | undefined | void>> = {
    "wl_display.get_registry": ({ objects }) => void (registry ??= objects[0]),
    "wl_registry.global": ({ values: [id, name, version] }) => {
      const known = protocols.get(name as string);
      if (!known || !globals.includes(name as string)) return dropped;
      const highest = Math.min(number(version), known.version);
      // A compositor may use a number again.
      gone.delete(number(id));
      if (offered.size > maxGlobals) throw new Violation("there are too many globals");
      offered.set(number(id), { name: name as string, version: highest });
      return { values: [id!, name!, highest] };
    },
    "wl_registry.global_remove": ({ values }) => {
      const id = number(values[0]);
      outputs.remove(id);
      if (!offered.has(id)) return dropped;
      gone.add(id);
      const [first] = gone;
      if (gone.size > maxGone && gone.delete(first!)) offered.delete(first!);
      return undefined;
    },
    "wl_registry.bind": ({ values, objects }) => {
      if (values[1] === "wl_output") outputs.bind(objects[3]!, number(values[0]));
    },
    ...outputs.handlers,
    ...rectangles.handlers,

    ...data.handlers,
    ...Object.fromEntries(makesDevice.map((name) => [name, ({ objects }: Message) => count(objects[0]!, "device")])),
    "wl_data_device_manager.create_data_source": ({ objects }) => count(objects[0]!, "source"),
    "zwp_primary_selection_device_manager_v1.create_source": ({ objects }) => count(objects[0]!, "source"),
    // Surfaces and their pictures.
    ...ofSurfaces,
    "wl_compositor.create_surface": ({ objects }) => {
      count(objects[0]!, "surface");
      surfaces.add(objects[0]!);
    },
    "wl_subcompositor.get_subsurface": (message) => {
      const [subsurface, part, parent] = message.objects;
      count(subsurface!, "subsurface");
      ofSurfaces["wl_subcompositor.get_subsurface"]!(message);
      return { after: borders.raise(parent!, part!) };
    },
    "wl_surface.commit": ({ object }) => {
      const found = surfaces.of(object);
      const verdict = surfaces.commit(found);
      if (found.role !== "window" || verdict?.drop) return verdict;
      const hasBorder = border.isAlways || !framed.has(found.toplevel!);
      const added = borders.place(object, hasBorder ? borderOf(found) : undefined);
      return added.length > 0 ? { ...verdict, before: [...verdict?.before ?? [], ...added] } : verdict;
    },
    "wl_surface.destroy": ({ object }) => ({ before: borders.place(object, undefined) }),
    "wl_shm.create_pool": ({ objects, values: [, file, size] }) => {
      const { size: whole } = file as Descriptor;
      if (number(size) <= 0 || number(size) > whole) throw new Violation("a pool of pictures is larger than its file");
      descriptors.use(file as Descriptor);
      files.set(objects[0]!, { file: file as Descriptor, size: number(size) });
    },
    "wl_shm_pool.resize": ({ object, values: [size] }) => {
      const pool = files.get(object)!;
      if (number(size) < pool.size || number(size) > pool.file.size) {
        throw new Violation("a pool of pictures is larger than its file");
      }
      pool.size = number(size);
    },
    "wl_shm_pool.create_buffer": ({ object, objects, values }) => {
      const { file, size } = files.get(object)!;
      const [offset, width, height, stride] = values.slice(1, 5).map(number) as [number, number, number, number];
      const isFitting = offset >= 0 && width > 0 && height > 0 && width <= maxSide && height <= maxSide &&
        stride >= width && offset + stride * height <= size;
      if (!isFitting) throw new Violation("a picture is larger than its pool");
      descriptors.use(file);
      files.set(objects[0]!, { file, size });
      buffers.set(objects[0]!, { width, height });
    },
    "wp_single_pixel_buffer_manager_v1.create_u32_rgba_buffer": ({ objects }) =>
      void buffers.set(objects[0]!, { width: 1, height: 1 }),

    // Windows.
    "xdg_wm_base.get_xdg_surface": ({ objects }) => surfaces.link(objects[0]!, objects[1]!),
    "xdg_surface.get_toplevel": ({ object, objects }) => {
      const toplevel = objects[0]!;
      count(toplevel, "toplevel");
      Object.assign(surfaces.of(object), { role: "window", shell: object, toplevel });
      surfaces.link(toplevel, object);
      // An app may have no names for a window.
      return { after: [[toplevel, "set_title", `[${container}]`], [toplevel, "set_app_id", container]] };
    },
    "xdg_surface.set_window_geometry": ({ object, values }) => {
      const [x, y, width, height] = values as [number, number, number, number];
      surfaces.of(object).geometry = { left: x, top: y, right: x + width, bottom: y + height };
    },
    "xdg_toplevel.configure": ({ object, values }) => {
      surfaces.of(object).configured = { width: number(values[0]), height: number(values[1]) };
    },
    "xdg_toplevel.close": ({ object }) => session.closing.ask(object),
    "xdg_toplevel.set_title": ({ values }) => notTooOften() ?? { values: [title(values[0]!)] },
    "xdg_toplevel.set_app_id": ({ values }) => notTooOften() ?? { values: [appId(values[0]!)] },
    "xdg_toplevel.set_parent": notTooOften,
    "xdg_toplevel.set_minimized": notTooOften,
    "xdg_toplevel.set_maximized": notTooOften,
    "xdg_toplevel.unset_maximized": notTooOften,
    "xdg_toplevel.unset_fullscreen": notTooOften,
    "xdg_toplevel.move": mayDrag,
    "xdg_toplevel.resize": mayDrag,
    "xdg_toplevel.show_window_menu": whileUsed,
    "xdg_toplevel.set_fullscreen": () => whileUsed() ?? notTooOften(),
    "zxdg_decoration_manager_v1.get_toplevel_decoration": ({ objects: [decoration, toplevel] }) =>
      void decorated.set(decoration!, toplevel!),
    "zxdg_toplevel_decoration_v1.configure": ({ object, values }) => {
      const toplevel = decorated.get(object)!;
      if (values[0] === 2) framed.add(toplevel);
      else framed.delete(toplevel);
    },
    "zxdg_toplevel_decoration_v1.destroy": ({ object }) => void framed.delete(decorated.get(object)!),
    // Without the desktop's frame, no title would say whose window it is.
    "zxdg_toplevel_decoration_v1.set_mode": ({ values }) => values[0] === 2 ? undefined : { values: [2] },
    "zxdg_toplevel_decoration_v1.unset_mode": ({ object }) => ({
      drop: true,
      after: [[object, "set_mode", 2]],
    }),
    "xdg_activation_token_v1.set_app_id": ({ values }) => ({ values: [appId(values[0]!)] }),
    "xdg_activation_v1.activate": () =>
      attention.focused() !== 0 && attention.isUsed() && session.rates.raise() ? undefined : dropped,

    // Popups.
    "xdg_wm_base.create_positioner": ({ objects }) =>
      void positioners.set(objects[0]!, { size: [0, 0], offset: [0, 0] }),
    "xdg_positioner.set_size": ({ object, values }) =>
      void (positioners.get(object)!.size = [number(values[0]), number(values[1])]),
    "xdg_positioner.set_offset": ({ object, values }) =>
      void (positioners.get(object)!.offset = [number(values[0]), number(values[1])]),
    "xdg_positioner.set_anchor_rect": ({ object, values }) =>
      void (positioners.get(object)!.anchor = values.map(number) as [number, number, number, number]),
    "xdg_surface.get_popup": ({ object, objects: [popup, parent, positioner] }) => {
      if (!parent) throw new Violation("a popup has no window");
      count(popup!, "popup");
      parents.set(popup!, surfaces.of(parent));
      const found = surfaces.of(object);
      // A toolkit may show a menu anew on the surface of one that was left out.
      Object.assign(found, { role: "popup", shell: object, isHidden: false });
      surfaces.link(popup!, object);
      if (
        attention.isPresent() && mayBeAt(positioners.get(positioner!)!, { popup: found, parent: surfaces.of(parent) })
      ) {
        return void popups.add(popup!);
      }
      found.isHidden = true;
      hiddenPopups.add(popup!);
      return undefined;
    },
    "xdg_popup.reposition": ({ object, objects: [positioner] }) =>
      mayBeAt(positioners.get(positioner!)!, { popup: surfaces.of(object), parent: parents.get(object)! })
        ? undefined
        : dropped,
    // An app closes a popup that the compositor does not show.
    "xdg_popup.configure": ({ object }) =>
      hiddenPopups.delete(object) ? { after: [[object, "popup_done"]] } : undefined,

    // Keyboard, pointer, touch, tablet.
    ...input.handlers,
    // A virtual keyboard has none for a moment. waypipe 0.9.2 cannot pass on what says so, and names a descriptor that
    // is none, on which its other end ends the app. The app keeps the keymap that it has.
    "wl_keyboard.keymap": ({ values: [, file] }) => (file as Descriptor).kind === "none" ? dropped : undefined,
    // Only the user moves the pointer. The next click might meet a window of the host's, even above the app's own.
    "zwp_locked_pointer_v1.set_cursor_position_hint": () => dropped,
    "wl_pointer.set_cursor": setCursor,
    "zwp_tablet_tool_v2.set_cursor": setCursor,
    // They would identify the user, as those of screens.
    "wl_seat.name": () => ({ values: ["seat"] }),
    "zwp_tablet_v2.name": () => ({ values: ["tablet"] }),
    "zwp_tablet_v2.id": () => dropped,
    "zwp_tablet_v2.path": () => dropped,
    "zwp_tablet_pad_v2.path": () => dropped,
    "zwp_tablet_tool_v2.hardware_serial": () => dropped,
    "zwp_tablet_tool_v2.hardware_id_wacom": () => dropped,
  };

  /** Whether a popup may have this size, beside the others of the session. Then it counts as so large. */
  const mayCover = (popup: Surface, size: Size): boolean => {
    const screens = outputs.sizes();
    const others = [...session.popups].filter(([other]) => other !== popup).map(([, size]) => size);
    if (coversTooMuch(size, screens) || coverTooMuch([size, ...others], screens)) return false;
    session.popups.set(popup, size);
    return true;
  };
  /** Whether a popup may be where it wants to be: near its window, or near another popup that may be a menu. */
  const mayBeAt = (
    { size: [width, height], offset, anchor }: Positioner,
    { popup, parent: { role, sizes: [size] } }: { popup: Surface; parent: Surface },
  ): boolean => {
    if (role === "popup" && (size.width < minMenu.width || size.height < minMenu.height)) return false;
    if (Math.abs(offset[0]) > width + popupReach || Math.abs(offset[1]) > height + popupReach) return false;
    if (!anchor) return false;
    const [x, y, w, h] = anchor;
    const isNear = x >= -popupReach && y >= -popupReach && x + w <= size.width + popupReach &&
      y + h <= size.height + popupReach;
    // What is hidden covers nothing.
    return isNear && (popup.isHidden || mayCover(popup, { width, height }));
  };

  const mustClose = (): boolean => popups.size > 0 && attention.absentMs() > leaveMs;

  return {
    judge(message) {
      const { object, type: { name } } = message;
      // Nothing would take it back: the compositor says no more to what it knows to be ended.
      if (object.isEnded && (name in input.handlers || offersOfDevice.test(name))) return undefined;
      return handlers[name]?.(message) ?? undefined;
    },
    checkBind(id, { name, version }) {
      const known = offered.get(id);
      if (known?.name !== name || version < 1 || version > known.version) {
        throw new Violation("it binds a global that it was not offered");
      }
    },
    sendsFile: (name) => name === "wl_shm.create_pool" || name === "wl_keyboard.keymap",
    ended(object) {
      const what = counted.get(object);
      if (what) session.remove(what);
      counted.delete(object);
      session.closing.remove(object, { byApp: true });
      const file = files.get(object);
      if (file) descriptors.release(file.file);
      files.delete(object);
      const found = surfaces.of(object);
      if (found?.object === object || object.type.name === "wl_subsurface") surfaces.leave(found!);
      else if (found?.shell === object) {
        Object.assign(found, { shell: undefined, geometry: undefined, bounds: undefined, seen: undefined });
      }
      popups.delete(object);
      if (found?.object === object || object.type.name === "xdg_popup") session.popups.delete(found!);
      rectangles.ended(object);
      input.ended(object);
      data.ended(object);
    },
    mustClose,
    mustLeave: () => mustClose() || data.isOver(),
    leave() {
      const taken = data.takeBack();
      if (!mustClose()) return { events: taken, requests: [] };
      // The uppermost first.
      const closing = [...popups].toReversed().map((popup) => ({ popup, own: surfaces.of(popup) }));
      for (const { popup, own } of closing) {
        own.isHidden = true;
        hiddenPopups.add(popup);
        session.popups.delete(own);
      }
      popups.clear();
      return {
        events: [...taken, ...closing.map(({ popup }): Addition => [popup, "popup_done"])],
        requests: closing.filter(({ own }) => !own.object.isEnded).flatMap(({ own: { object } }): Addition[] => [
          [object, "attach", 0, 0, 0],
          [object, "commit"],
        ]),
      };
    },
    end() {
      for (const [object, what] of counted) {
        session.remove(what);
        session.closing.remove(object);
        session.popups.delete(surfaces.of(object));
      }
      counted.clear();
      surfaces.end();
      input.end();
      data.end();
    },
  };
}

/** Where a popup is to be. */
interface Positioner {
  size: readonly [width: number, height: number];
  offset: readonly [x: number, y: number];
  /** The part of the parent beside which it is. */
  anchor?: readonly [x: number, y: number, width: number, height: number];
}
