/**
 * An app in the container, which is hostile: it says what an app of a real toolkit says, in any order and with any
 * numbers, and things that make no sense. It knows its own objects, and checks what reaches it.
 */

import { concat } from "@std/bytes";
import { globals } from "../../lib/guard/wayland/rules.ts";
import type { OpenClipboard } from "../../lib/guard/wayland/carrying.ts";
import { type Argument, protocols } from "../../lib/guard/wayland/protocols.ts";
import type { Chance } from "../fuzz/random.ts";
import { frame, message, messages } from "../unit/wayland_samples.ts";
import { monitorSecret, shrunk } from "./compositor.ts";
import { isTextOrPicture, keep } from "./promises.ts";
import { createReader, type Known, newObjects } from "./wire.ts";

/** Types of data: what apps copy, and what is not to cross. */
export const types = [
  ...["text/plain", "text/plain;charset=utf-8", "UTF8_STRING", "image/png", "text/html"],
  ...["text/uri-list", "x-special/gnome-copied-files", "application/x-kde-cutselection", "text/x-moz-url"],
  ...["application/vnd.portal.filetransfer", "chromium/x-web-custom-data", "SAVE_TARGETS"],
] as const;

/** What only programs of the host's offer. */
export const hostTypes = ["x-special/host-copied-files", "application/vnd.portal.files.host"] as const;

const listType = "text/uri-list";

/** An app. */
export interface App {
  /** What it has, by its own numbers. */
  objects: ReadonlyMap<number, Known>;
  /** Takes what the guard sends to the container. */
  hear(bytes: Uint8Array): void;
  /** Asks what there is. */
  begin(): void;
  /** Binds all of that. */
  bind(): void;
  /** Has much sent to it. */
  flood(): void;
  /** Does one thing. */
  act(what: AppStep, chance: Chance): void;
}

type Act = (chance: Chance) => void;

/** What an app does, and how often. */
export const appSteps = {
  window: 6,
  draw: 8,
  commit: 6,
  geometry: 3,
  view: 3,
  turn: 2,
  offset: 1,
  part: 5,
  movePart: 5,
  shrink: 3,
  popup: 6,
  reposition: 2,
  cursor: 2,
  lock: 2,
  hint: 2,
  copy: 4,
  select: 3,
  drag: 7,
  read: 9,
  fullscreen: 2,
  activate: 1,
  grab: 3,
  frame: 3,
  name: 2,
  devices: 2,
  destroy: 6,
  fill: 1,
  any: 3,
} as const;

/** The name of one of them. */
export type AppStep = keyof typeof appSteps;

const poolBytes = 2 ** 26;

/**
 * An app that has just connected.
 *
 * @param options `say` takes what it sends; `isOfHost`: whether an offer is of something of the host's; `gets`: it has
 * got bytes by a pipe
 */
export function createApp(
  { say, clipboard, lends, isOfHost, gets }: {
    say(bytes: Uint8Array): void;
    clipboard: OpenClipboard;
    /** The user may drop files on it. */
    lends: boolean;
    isOfHost(offer: number): boolean;
    gets(pipe: number, bytes: Uint8Array): void;
  },
): App {
  const objects = newObjects();
  const ended = new Set<number>();
  const free: number[] = [];
  const serials: number[] = [];
  const read = createReader("events", objects);
  let highest = 1;
  let nextFile = 1;

  const newId = (name: string, version = 1): number => {
    const id = free.pop() ?? ++highest;
    objects.set(id, { name, version });
    return id;
  };
  const all = (name: string): number[] =>
    [...objects].filter(([id, known]) => known.name === name && !ended.has(id)).map(([id]) => id);
  /** One of its objects, the newest more often. */
  const one = (name: string, chance: Chance): number | undefined => {
    const ids = all(name);
    return ids.length === 0 ? undefined : chance.happens(0.5) ? ids.at(-1) : chance.oneOf(ids);
  };
  const send = (...list: readonly Uint8Array[]): void => say(messages(...list));
  const make = (on: number, request: string, name: string, ...rest: readonly (number | string)[]): number => {
    const made = newId(name, objects.get(on)!.version);
    send(message(on, request, made, ...rest));
    return made;
  };
  /** What the compositor has made and the app has ended, with the callback before which messages for it may come. */
  const leaving = new Map<number, number>();
  const end = (id: number): void => {
    ended.add(id);
    if (id >= 0xff00_0000) leaving.set(id, make(1, "wl_display.sync", "wl_callback"));
  };
  /** Ends an object. */
  const sendLast = (id: number): void => {
    const { requests } = protocols.get(objects.get(id)!.name)!;
    send(message(id, requests.find(({ isDestructor }) => isDestructor)!.name));
    end(id);
  };
  const manager = (name: string): number => all(name)[0]!;
  const serial = (chance: Chance): number => serials.length === 0 ? 0 : chance.oneOf(serials.slice(-4));
  const length = (chance: Chance): number =>
    chance.oneOf([1, 10, 60, 100, 200, 300, 300, 400, 400, 700, 1_000, 1_500, 2_200]);
  const distance = (chance: Chance): number =>
    chance.happens(0.5)
      ? chance.below(60) - 30
      : chance.oneOf([0, 100, 150, 300, 400, 1_000, -100, -128, -140, 5_000, -5_000]);

  const surface = (chance: Chance): number =>
    one("wl_surface", chance) ?? make(manager("wl_compositor"), "wl_compositor.create_surface", "wl_surface");
  const newSurface = (): number => make(manager("wl_compositor"), "wl_compositor.create_surface", "wl_surface");
  const newBuffer = (width: number, height: number): number => {
    const pool = all("wl_shm_pool")[0] ?? newPool();
    return make(pool, "wl_shm_pool.create_buffer", "wl_buffer", 0, width, height, width * 4, 0);
  };
  const newPool = (): number => {
    say(frame(2, nextFile, poolBytes));
    say(frame(1, nextFile++));
    const pool = newId("wl_shm_pool");
    send(message(manager("wl_shm"), "wl_shm.create_pool", pool, poolBytes));
    return pool;
  };
  const pipe = (): void => {
    say(frame(7, nextFile));
    say(frame(1, nextFile++));
  };
  const attach = (on: number, chance: Chance, size?: readonly [number, number]): void => {
    const [width, height] = size ?? [length(chance), length(chance)];
    const buffer = chance.happens(0.1) ? 0 : newBuffer(width, height);
    const [x, y] = chance.happens(0.1) ? [distance(chance), distance(chance)] : [0, 0];
    send(message(on, "wl_surface.attach", buffer, x, y));
    if (chance.happens(0.85)) send(message(on, "wl_surface.commit"));
  };
  const newSource = (chance: Chance, { of, source }: { of: string; source: string }): number => {
    const made = make(manager(of), `${of}.create_${source === "wl_data_source" ? "data_" : ""}source`, source);
    for (let count = chance.below(3); count >= 0; count--) {
      const type = chance.happens(0.7) ? types[chance.below(5)]! : chance.oneOf(types);
      send(message(made, `${source}.offer`, type));
    }
    return made;
  };
  const positioner = (chance: Chance): number => {
    const made = make(manager("xdg_wm_base"), "xdg_wm_base.create_positioner", "xdg_positioner");
    const near = (): number => chance.happens(0.8) ? chance.below(60) : distance(chance);
    const size = (): number => chance.happens(0.7) ? 10 + chance.below(300) : length(chance);
    send(
      message(made, "xdg_positioner.set_size", size(), size()),
      message(made, "xdg_positioner.set_anchor_rect", near(), near(), 1 + chance.below(40), 1 + chance.below(40)),
    );
    if (chance.happens(0.5)) send(message(made, "xdg_positioner.set_anchor", chance.below(9)));
    if (chance.happens(0.5)) send(message(made, "xdg_positioner.set_gravity", chance.below(9)));
    if (chance.happens(0.3)) send(message(made, "xdg_positioner.set_offset", distance(chance), distance(chance)));
    return made;
  };
  const setSelection = (chance: Chance, { of, source, device, request }: Record<string, string>): void => {
    const on = one(device!, chance);
    if (on === undefined) return;
    const made = chance.happens(0.25) ? 0 : newSource(chance, { of: of!, source: source! });
    send(message(on, request!, made, serial(chance)));
  };

  const acts: Record<AppStep, Act> = {
    window(chance) {
      const on = chance.happens(0.4) ? surface(chance) : newSurface();
      // What a window was before ends; what says how its frame is may stay.
      for (const id of roles.get(on)?.splice(0) ?? []) {
        // Its number may be that of something else by now.
        if (objects.get(id)?.name.startsWith("xdg_") && !ended.has(id)) sendLast(id);
      }
      const shell = make(manager("xdg_wm_base"), "xdg_wm_base.get_xdg_surface", "xdg_surface", on);
      const toplevel = make(shell, "xdg_surface.get_toplevel", "xdg_toplevel");
      roles.set(on, [toplevel, shell]);
      if (chance.happens(0.4)) {
        const made = newId("zxdg_toplevel_decoration_v1");
        const decorations = manager("zxdg_decoration_manager_v1");
        send(message(decorations, "zxdg_decoration_manager_v1.get_toplevel_decoration", made, toplevel));
        if (chance.happens(0.7)) send(message(made, "zxdg_toplevel_decoration_v1.set_mode", 1 + chance.below(2)));
      }
      send(message(on, "wl_surface.commit"));
      attach(on, chance);
    },
    draw: (chance) => attach(surface(chance), chance),
    commit: (chance) => send(message(surface(chance), "wl_surface.commit")),
    geometry(chance) {
      const shell = one("xdg_surface", chance);
      if (shell === undefined) return;
      const [x, y] = [distance(chance), distance(chance)];
      send(message(shell, "xdg_surface.set_window_geometry", x, y, length(chance), length(chance)));
      if (chance.happens(0.5)) send(message(surface(chance), "wl_surface.commit"));
    },
    view(chance) {
      let view = chance.happens(0.6) ? one("wp_viewport", chance) : undefined;
      if (view === undefined) {
        view = make(manager("wp_viewporter"), "wp_viewporter.get_viewport", "wp_viewport", surface(chance));
      }
      if (chance.happens(0.2)) {
        send(message(view, "wp_viewport.set_source", 0, 0, length(chance) << 8, length(chance) << 8));
      } else send(message(view, "wp_viewport.set_destination", length(chance), length(chance)));
      if (chance.happens(0.7)) send(message(surface(chance), "wl_surface.commit"));
    },
    turn(chance) {
      const on = surface(chance);
      if (chance.happens(0.5)) send(message(on, "wl_surface.set_buffer_transform", chance.below(8)));
      else send(message(on, "wl_surface.set_buffer_scale", 1 + chance.below(3)));
      send(message(on, "wl_surface.commit"));
    },
    offset(chance) {
      const on = surface(chance);
      if ((objects.get(on)?.version ?? 0) < 5) return;
      send(message(on, "wl_surface.offset", distance(chance), distance(chance)), message(on, "wl_surface.commit"));
    },
    part(chance) {
      const parent = surface(chance);
      const on = chance.happens(0.8) ? newSurface() : surface(chance);
      const subcompositor = manager("wl_subcompositor");
      const part = make(subcompositor, "wl_subcompositor.get_subsurface", "wl_subsurface", on, parent);
      send(message(part, "wl_subsurface.set_position", distance(chance), distance(chance)));
      if (chance.happens(0.5)) send(message(part, "wl_subsurface.set_desync"));
      attach(on, chance, chance.happens(0.7) ? [10 + chance.below(200), 10 + chance.below(200)] : undefined);
      if (chance.happens(0.7)) send(message(parent, "wl_surface.commit"));
    },
    movePart(chance) {
      const part = one("wl_subsurface", chance);
      if (part === undefined) return;
      switch (chance.below(4)) {
        case 0:
          send(message(part, "wl_subsurface.set_position", distance(chance), distance(chance)));
          break;
        case 1:
          send(message(part, chance.happens(0.5) ? "wl_subsurface.set_desync" : "wl_subsurface.set_sync"));
          break;
        case 2:
          send(message(part, "wl_subsurface.place_above", surface(chance)));
          break;
        default:
          send(message(part, "wl_subsurface.place_below", surface(chance)));
      }
      if (chance.happens(0.7)) send(message(surface(chance), "wl_surface.commit"));
    },
    shrink(chance) {
      // As Firefox does: its part follows last, and then it says no more.
      const [large, small] = [400 + chance.below(1_000), 50 + chance.below(200)];
      const [window, part] = [newSurface(), newSurface()];
      const shell = make(manager("xdg_wm_base"), "xdg_wm_base.get_xdg_surface", "xdg_surface", window);
      const toplevel = make(shell, "xdg_surface.get_toplevel", "xdg_toplevel");
      const own = make(manager("wl_subcompositor"), "wl_subcompositor.get_subsurface", "wl_subsurface", part, window);
      const at = chance.below(40);
      const show = (on: number, side: number): readonly Uint8Array[] => [
        message(on, "wl_surface.attach", newBuffer(side, side), 0, 0),
        message(on, "wl_surface.commit"),
      ];
      const size = (side: number): Uint8Array => message(shell, "xdg_surface.set_window_geometry", at, at, side, side);
      send(
        message(own, "wl_subsurface.set_position", at, at),
        message(own, "wl_subsurface.set_desync"),
        message(window, "wl_surface.commit"),
        size(large),
        ...show(window, large),
        ...show(part, large),
        size(small),
        ...show(window, small + 2 * at),
        message(toplevel, "xdg_toplevel.set_app_id", `${shrunk}${at}${shrunk}${small}`),
        ...show(part, small),
      );
    },
    popup(chance) {
      const parent = one("xdg_surface", chance);
      if (parent === undefined) return;
      const on = newSurface();
      const shell = make(manager("xdg_wm_base"), "xdg_wm_base.get_xdg_surface", "xdg_surface", on);
      make(shell, "xdg_surface.get_popup", "xdg_popup", parent, positioner(chance));
      send(message(on, "wl_surface.commit"));
      attach(on, chance, chance.happens(0.6) ? [10 + chance.below(300), 10 + chance.below(300)] : undefined);
    },
    reposition(chance) {
      const popup = one("xdg_popup", chance);
      if (popup !== undefined && objects.get(popup)!.version >= 3) {
        send(message(popup, "xdg_popup.reposition", positioner(chance), 1));
      }
    },
    cursor(chance) {
      const pointer = one("wl_pointer", chance);
      if (pointer === undefined) return;
      const on = chance.happens(0.7) ? newSurface() : surface(chance);
      const hot = (): number => chance.happens(0.8) ? chance.below(20) : distance(chance);
      send(message(pointer, "wl_pointer.set_cursor", serial(chance), on, hot(), hot()));
      attach(on, chance, chance.happens(0.7) ? [10 + chance.below(60), 10 + chance.below(60)] : undefined);
    },
    lock(chance) {
      const pointer = one("wl_pointer", chance);
      const constraints = manager("zwp_pointer_constraints_v1");
      if (pointer === undefined) return;
      const made = newId("zwp_locked_pointer_v1");
      const on = surface(chance);
      send(message(constraints, "zwp_pointer_constraints_v1.lock_pointer", made, on, pointer, 0, 1 + chance.below(2)));
    },
    hint(chance) {
      const lock = one("zwp_locked_pointer_v1", chance);
      if (lock === undefined) return;
      const at = (): number => (chance.happens(0.6) ? chance.below(300) : distance(chance)) * 256;
      send(message(lock, "zwp_locked_pointer_v1.set_cursor_position_hint", at(), at()));
      if (chance.happens(0.7)) send(message(surface(chance), "wl_surface.commit"));
      if (!chance.happens(0.3)) return;
      send(message(lock, "zwp_locked_pointer_v1.destroy"));
      end(lock);
    },
    copy: (chance) =>
      setSelection(chance, {
        of: "wl_data_device_manager",
        source: "wl_data_source",
        device: "wl_data_device",
        request: "wl_data_device.set_selection",
      }),
    select: (chance) =>
      setSelection(chance, {
        of: "zwp_primary_selection_device_manager_v1",
        source: "zwp_primary_selection_source_v1",
        device: "zwp_primary_selection_device_v1",
        request: "zwp_primary_selection_device_v1.set_selection",
      }),
    drag(chance) {
      const device = one("wl_data_device", chance);
      if (device === undefined) return;
      const source = chance.happens(0.2)
        ? 0
        : newSource(chance, { of: "wl_data_device_manager", source: "wl_data_source" });
      const icon = chance.happens(0.5) ? newSurface() : 0;
      send(message(device, "wl_data_device.start_drag", source, surface(chance), icon, serial(chance)));
      if (icon !== 0) attach(icon, chance);
    },
    read(chance) {
      const name = chance.happens(0.5) ? "wl_data_offer" : "zwp_primary_selection_offer_v1";
      const offer = one(name, chance);
      if (offer === undefined) return;
      const heard = heardTypes.get(offer) ?? [];
      // To ask for anything else ends the connection.
      if (heard.length === 0 && chance.happens(0.9)) return;
      const type = heard.length > 0 && chance.happens(0.97) ? chance.oneOf(heard) : chance.oneOf(types);
      pipe();
      send(message(offer, `${name}.receive`, type));
    },
    fullscreen(chance) {
      const window = one("xdg_toplevel", chance);
      if (window !== undefined) send(message(window, "xdg_toplevel.set_fullscreen", 0));
    },
    activate: (chance) =>
      send(message(manager("xdg_activation_v1"), "xdg_activation_v1.activate", "token", surface(chance))),
    grab(chance) {
      const window = one("xdg_toplevel", chance);
      if (window !== undefined) send(message(window, "xdg_toplevel.move", manager("wl_seat"), serial(chance)));
    },
    frame(chance) {
      const decoration = one("zxdg_toplevel_decoration_v1", chance);
      if (decoration === undefined) return;
      if (chance.happens(0.3)) send(message(decoration, "zxdg_toplevel_decoration_v1.unset_mode"));
      else send(message(decoration, "zxdg_toplevel_decoration_v1.set_mode", 1 + chance.below(2)));
      send(message(surface(chance), "wl_surface.commit"));
    },
    name(chance) {
      const window = one("xdg_toplevel", chance);
      if (window === undefined) return;
      const text = chance.oneOf(["", "bank", "[host] mail", "\u202ebox", "x\n[y]", "a".repeat(1_000)]);
      send(message(window, chance.happens(0.5) ? "xdg_toplevel.set_title" : "xdg_toplevel.set_app_id", text));
    },
    devices(chance) {
      const seat = manager("wl_seat");
      const [kind, request] = chance.oneOf([
        ["wl_keyboard", "wl_seat.get_keyboard"],
        ["wl_pointer", "wl_seat.get_pointer"],
        ["wl_touch", "wl_seat.get_touch"],
      ]);
      const old = one(kind!, chance);
      if (old !== undefined) {
        send(message(old, `${kind}.release`));
        end(old);
      }
      if (old !== undefined && chance.happens(0.3)) return;
      const made = newId(kind!, objects.get(seat)!.version);
      const isKept = chance.happens(0.7);
      // What the compositor says to an object that has ended by then counts for nothing.
      send(message(seat, request!, made), ...isKept ? [] : [message(made, `${kind}.release`)]);
      if (!isKept) end(made);
    },
    destroy(chance) {
      const ends = [...objects].filter(([id, { name }]) => {
        const last = protocols.get(name)?.requests.find(({ isDestructor }) => isDestructor);
        return !ended.has(id) && last !== undefined && !globals.includes(name) &&
          last.since <= objects.get(id)!.version;
      });
      if (ends.length === 0) return;
      sendLast(chance.oneOf(chance.happens(0.5) ? ends.slice(-8) : ends)[0]);
    },
    fill() {
      say(concat([frame(2, nextFile, 64), frame(5, nextFile++, 0, 32, new Uint8Array(32))]));
    },
    any(chance) {
      const [id, { name, version }] = chance.oneOf([...objects].filter(([id]) => !ended.has(id)));
      const request = chance.oneOf(protocols.get(name)?.requests.filter(({ since }) => since <= version) ?? []);
      if (!request || /^wl_registry|^wl_display\.get|\.receive$|create_pool$/.test(request.name)) return;
      if (request.isDestructor && globals.includes(name)) return;
      const made: [number, string][] = [];
      const value = ({ type, interface: of, isNullable }: Argument): number | string | Uint8Array => {
        if (type === "object") return isNullable && chance.happens(0.4) ? 0 : one(of ?? "wl_surface", chance) ?? 0;
        if (type === "string") return chance.oneOf(["", "text/plain", "text/uri-list", "\u202ebank"]);
        if (type === "array") return new Uint8Array(4 * chance.below(4));
        if (type !== "new_id") return chance.happens(0.5) ? serial(chance) : distance(chance);
        const own = free.pop() ?? ++highest;
        made.push([own, of!]);
        return own;
      };
      const values = request.args.map(value);
      for (const [own, of] of made) objects.set(own, { name: of, version });
      send(message(id, request.name, ...values));
      if (request.isDestructor) end(id);
    },
  };

  const offered: [number, string, number][] = [];
  /** What makes surfaces windows. */
  const roles = new Map<number, number[]>();
  /** The types of data that it was told of, by offers. */
  const heardTypes = new Map<number, string[]>();
  const secret = new TextEncoder().encode(monitorSecret);
  let dragged: number | undefined;
  let dropped: number | undefined;
  const askedAgain = new Set<number>();
  const askFor = (offer: number, type: string | undefined): void => {
    if (!objects.has(offer) || ended.has(offer) || type === undefined || !heardTypes.get(offer)?.includes(type)) return;
    pipe();
    send(message(offer, "wl_data_offer.receive", type), message(offer, "wl_data_offer.accept", 0, type));
  };
  return {
    objects,
    hear(bytes) {
      keep("monitors", !includes(bytes, secret), "a monitor's name");
      for (const { id, name, values } of read(bytes)) {
        if (/^wl_(keyboard\.(enter|key)|pointer\.(enter|button)|touch\.(down|up))$/.test(name)) {
          serials.push(values[0] as number);
        }
        if (name === "pipe") {
          gets(id, values[0] as Uint8Array);
          if (dropped !== undefined && !askedAgain.has(dropped)) {
            askedAgain.add(dropped);
            askFor(dropped, listType);
          }
        }
        if (name === "wl_data_device.enter") {
          dragged = values[4] as number;
          dropped = undefined;
          // Some ask for files too soon, as browsers do.
          if (values[0] as number % 2 === 0) askFor(dragged, listType);
        }
        if (name === "wl_data_device.drop" && dragged !== undefined) {
          dropped = dragged;
          askFor(dragged, heardTypes.get(dragged)?.[0]);
        }
        if (name.endsWith(".data_offer")) {
          // The number of what has ended may be that of another.
          ended.delete(values[0] as number);
          leaving.delete(values[0] as number);
        }
        if (name === "wl_callback.done") {
          for (const [left, callback] of leaving) {
            if (callback !== id) continue;
            for (const known of [objects, ended, leaving]) known.delete(left);
          }
        }
        if (/_offer(_v1)?\.offer$/.test(name)) {
          const isList = lends && values[0] === listType;
          const isCrossing = isTextOrPicture(values[0] as string);
          // Where the guard has numbers of its own for what is dragged once more, these tell whose an offer is.
          const isOfOther = lends ? hostTypes.some((type) => type === values[0]) : isOfHost(id);
          keep("paste", clipboard.in || isList || !isOfOther, "an app hears of data while the channel is closed");
          keep("types", isCrossing || !isOfOther, `an app hears of ${values[0]}`);
          heardTypes.set(id, [...heardTypes.get(id) ?? [], values[0] as string]);
        }
        if (name === "wl_display.delete_id") {
          const freed = values[0] as number;
          objects.delete(freed);
          ended.delete(freed);
          free.push(freed);
        }
        if (name === "wl_registry.global") {
          const [number, global, version] = values as [number, string, number];
          keep("order", globals.includes(global), `an app hears of ${global}`);
          offered.push([number, global, version]);
        }
      }
    },
    act: (what, chance) => acts[what](chance),
    begin() {
      send(message(1, "wl_display.get_registry", newId("wl_registry")));
    },
    flood() {
      const callbacks = Array.from({ length: 1_500 }, () => newId("wl_callback"));
      send(...callbacks.map((callback) => message(1, "wl_display.sync", callback)));
    },
    bind() {
      const registry = manager("wl_registry");
      for (const [number, name, version] of offered) {
        const id = newId(name, version);
        send(message(registry, "wl_registry.bind", number, name, version, id));
      }
      const seat = manager("wl_seat");
      for (const name of ["keyboard", "pointer", "touch"]) make(seat, `wl_seat.get_${name}`, `wl_${name}`);
      make(manager("wl_data_device_manager"), "wl_data_device_manager.get_data_device", "wl_data_device", seat);
      const primary = "zwp_primary_selection_device_manager_v1";
      make(manager(primary), `${primary}.get_device`, "zwp_primary_selection_device_v1", seat);
      for (const output of all("wl_output")) {
        make(manager("zxdg_output_manager_v1"), "zxdg_output_manager_v1.get_xdg_output", "zxdg_output_v1", output);
      }
    },
  };
}

function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let at = bytes.indexOf(part[0]!); at >= 0; at = bytes.indexOf(part[0]!, at + 1)) {
    if (part.every((value, index) => bytes[at + index] === value)) return true;
  }
  return false;
}
