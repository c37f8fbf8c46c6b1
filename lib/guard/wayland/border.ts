/**
 * The guard's mark on each window and popup of the container: coloured strips around the window and, where its picture
 * reaches farther, around the picture too, so that the outermost line is always the guard's. (Told that they are tiled,
 * GTK 3 and 4, libadwaita and Firefox draw no shadow, but keep 20 transparent pixels in its place: the line stays, and
 * libadwaita's windows no longer choose their sizes.) The desktop's window is larger than the app's by the border: the
 * guard translates the sizes that each side is told. A plate of the same colour lies below the window geometry: an app
 * cannot make a hole in its window through which the user sees or clicks a window of the host. A click on plate or
 * border does nothing ({@linkcode createBorderInput}), except where the app shows something below the border, such as a
 * shadow that resizes its window when dragged.
 */

import type { Size } from "../limits.ts";
import {
  type Box,
  contains,
  grown,
  isSame,
  isSameBox,
  overlap,
  rectangleOf,
  sizeOf,
  type SurfaceArea,
  unionOf,
} from "./boxes.ts";
import { type Addition, type Create, type Message, type Part, type WaylandObject } from "./objects.ts";
import type { Registry } from "./registry.ts";
import type { WaylandSession } from "./session.ts";
import { borderedPart, type Surface } from "./surface.ts";
import type { Surfaces } from "./surfaces.ts";

/** A plate or a strip. */
interface Piece {
  surface: WaylandObject;
  subsurface: WaylandObject;
  viewport: WaylandObject;
}

/** The globals that borders need, each bound at version 1. */
const needed = ["wl_compositor", "wl_subcompositor", "wp_viewporter", "wp_single_pixel_buffer_manager_v1"] as const;

/** What all pieces share: these globals, a buffer of one pixel and an empty region. */
const shared = [...needed, "wl_buffer", "wl_region"] as const;
type Shared = Readonly<Record<typeof shared[number], WaylandObject>>;

/**
 * How long a size from the desktop counts as an echo of the guard's own, in milliseconds: later, the user has chosen
 * it.
 */
const maxAnswerMs = 500;

/** The states in which the desktop decides a window's size: maximized, fullscreen, and tiled at each of four edges. */
const fixedStates: ReadonlySet<number> = new Set([1, 2, 5, 6, 7, 8]);

/** Larger than any surface: the highest `int` of the protocol. */
const everything = 2 ** 31 - 1;

/**
 * The width of the line around a popup, and of the one around a window's shadow (besides its border), in desktop
 * pixels.
 */
const [popupLine, shadowLine] = [2, 1];

export interface Borders extends Part {
  /** The width of a surface's border, in desktop pixels; 0 for popups and without a border. */
  widthOf(surface: Surface): number;
}

/** Makes the borders of a connection. There are none if the compositor lacks a global that they need. */
export function createBorders(
  { session: { border, now }, create, registry, surfaces: { of: surfaceOf } }: {
    session: WaylandSession;
    create: Create;
    registry: Registry;
    surfaces: Surfaces;
  },
): Borders {
  const borders = new Map<WaylandObject, { pieces: readonly Piece[]; seen: Box; below: Box; whole: Box }>();
  let common: Shared | undefined;

  const colour = border.colour.match(/\w\w/g)!.map((byte) => parseInt(byte, 16) * 0x101_0101);

  const canBe = (): boolean =>
    common !== undefined || registry.object() !== undefined && !needed.map(registry.numberOf).includes(undefined);
  const widthOf: Borders["widthOf"] = ({ role }) => role === "window" && canBe() ? border.width : 0;
  /** Sends the compositor the window geometry before a commit, if it has changed. */
  const tellGeometry = (found: Surface): Addition[] => {
    const { toplevel, shell, geometry, whole, told, picture } = found;
    if (!shell || toplevel!.isEnded) return [];
    const width = widthOf(found);
    const box = geometry ?? (width > 0 || told ? whole : undefined);
    if (geometry && geometry !== found.named) found.guards = { ...sizeOf(grown(geometry, width)), ms: now() };
    const rectangle = box && rectangleOf(grown(box, width)).map(nearestInt);
    // An unmapped window gets its geometry again once it is mapped.
    found.told = picture.width === 0 ? told && [] : rectangle ?? told;
    return rectangle && `${rectangle}` !== `${told}` ? [[shell, "set_window_geometry", ...rectangle]] : [];
  };
  const limit = (which: "min" | "max") => ({ object, args }: { object: WaylandObject; args: Size }): { args: Size } => {
    const found = surfaceOf(object);
    found.limits[which] = args;
    return { args: enlarged(args, widthOf(found)) };
  };

  const begin = (): Addition[] => {
    if (common) return [];
    const from = registry.object()!;
    const numbers = needed.map(registry.numberOf);
    const made = common = Object.fromEntries(shared.map((name) => [name, create(name)])) as Shared;
    return [
      ...needed.map((name, index): Addition => [from, "bind", numbers[index]!, name, 1, made[name]]),
      [made.wp_single_pixel_buffer_manager_v1, "create_u32_rgba_buffer", made.wl_buffer, ...colour, 2 ** 32 - 1],
      [made.wl_compositor, "create_region", made.wl_region],
    ];
  };

  const makePiece = (parent: WaylandObject): Piece => ({
    surface: Object.assign(create("wl_surface"), { standsFor: parent }),
    subsurface: create("wl_subsurface"),
    viewport: create("wp_viewport"),
  });
  const announce = ({ surface, subsurface, viewport }: Piece, parent: WaylandObject): Addition[] => {
    const { wl_compositor, wl_subcompositor, wp_viewporter, wl_buffer } = common!;
    return [
      [wl_compositor, "create_surface", surface],
      [wl_subcompositor, "get_subsurface", subsurface, surface, parent],
      [wp_viewporter, "get_viewport", viewport, surface],
      [surface, "attach", wl_buffer, 0, 0],
      [surface, "damage", 0, 0, everything, everything],
    ];
  };

  const destroy = (pieces: readonly Piece[]): Addition[] =>
    pieces.flatMap(({ surface, subsurface, viewport }) =>
      [viewport, subsurface, surface].map((object): Addition => [object, "destroy"])
    );
  const remove = (surface: WaylandObject): Addition[] => {
    const { pieces = [] } = borders.get(surface) ?? {};
    borders.delete(surface);
    return destroy(pieces);
  };

  /** Puts a border on a surface before its commit, or removes it from a surface that shows nothing. */
  const place = (found: Surface): Addition[] => {
    const { object, role, whole, geometry = whole } = found;
    const seen = canBe() ? borderedPart(found) : undefined;
    if (!seen || !whole) return remove(object);
    // The window geometry, including parts that are not shown yet.
    const below = unionOf(seen, overlap(whole, geometry!));
    const known = borders.get(object);
    if (known && known.whole === whole && isSameBox(known.seen, seen) && isSameBox(known.below, below)) return [];
    const messages = begin();
    const areas = areasOf(seen, { below, whole, width: role === "popup" ? undefined : border.width });
    const before = known?.pieces ?? [];
    const kept = before.slice(0, areas.length);
    const fresh = areas.slice(kept.length).map(() => makePiece(object));
    const pieces = [...kept, ...fresh];
    borders.set(object, { pieces, seen, below, whole });
    messages.push(...destroy(before.slice(areas.length)), ...fresh.flatMap((piece) => announce(piece, object)));
    if (!known) messages.push([pieces[plateAt]!.subsurface, "place_below", object]);
    for (const [index, [x, y, width, height]] of areas.entries()) {
      const { surface, subsurface, viewport } = pieces[index]!;
      const isOverApp = index !== plateAt && contains(whole, { left: x, top: y, right: x + width, bottom: y + height });
      messages.push(
        [subsurface, "set_position", x, y],
        [viewport, "set_destination", width, height],
        [surface, "set_input_region", isOverApp ? common!.wl_region : undefined],
        [surface, "commit"],
      );
    }
    return messages;
  };

  return {
    widthOf,
    handlers: {
      "wl_surface.commit": ({ object }) => {
        const found = surfaceOf(object);
        if (found.role !== "window" && found.role !== "popup") return undefined;
        const before = [...place(found), ...found.role === "window" ? tellGeometry(found) : []];
        return before.length > 0 ? { before } : undefined;
      },
      "xdg_toplevel.set_min_size": limit("min"),
      "xdg_toplevel.set_max_size": limit("max"),
      "xdg_toplevel.configure": ({ object, args }) => {
        const found = surfaceOf(object);
        const { named, guards } = found;
        // Each state is a word, with only one byte that is not 0.
        const isFixed = args.states.some((state) => fixedStates.has(state));
        // sway sends back the committed size of a floating window, even one that its app never asked for.
        const isGuards = named && guards && !isFixed && now() - guards.ms < maxAnswerMs && isSame(guards, args);
        return { args: isGuards ? sizeOf(named) : enlarged(args, -widthOf(found)) };
      },
      "xdg_toplevel.configure_bounds": ({ object, args }) => ({ args: enlarged(args, -widthOf(surfaceOf(object))) }),
      "wl_surface.destroy": ({ object }) => ({ before: remove(object) }),
      // A new subsurface would cover the border: put the border above it.
      "wl_subcompositor.get_subsurface": ({ args: { surface, parent } }) => ({
        after: (borders.get(parent)?.pieces ?? []).filter((_, index) => index !== plateAt)
          .map(({ subsurface }) => [subsurface, "place_above", surface]),
      }),
    },
  };
}

/** Clamps a number to the protocol's `int`: beyond its range, it would wrap around. */
export function nearestInt(value: number): number {
  return Math.max(-everything - 1, Math.min(value, everything));
}

/** A size with this much more on each side; 0 stands for a size that is not given. */
function enlarged({ width, height }: Size, by: number): Size {
  const [across, down] = [width, height].map((side) => side > 0 ? Math.max(1, nearestInt(side + 2 * by)) : side);
  return { width: across!, height: down! };
}

/** The index of the plate among a window's pieces: after its border, before the line around its shadow. */
const plateAt = 4;

/** The areas of a surface's pieces. `below`: what the plate covers; `width`: that of a window's border. */
function areasOf(
  seen: Box,
  { below, whole, width }: { below: Box; whole: Box; width: number | undefined },
): readonly SurfaceArea[] {
  const shown = unionOf(seen, whole);
  if (width === undefined) return [...edgesOf(shown, popupLine), rectangleOf(below)];
  // Unlike other compositors, sway shows nothing beyond the window geometry.
  const isBeyond = !contains(grown(seen, width), whole);
  return [
    ...edgesOf(seen, width),
    rectangleOf(grown(below, width)),
    ...isBeyond ? edgesOf(grown(shown, width - shadowLine), shadowLine) : [],
  ];
}

/** The four strips around a box. */
function edgesOf(part: Box, thickness: number): SurfaceArea[] {
  const [x, y, width, height] = rectangleOf(part);
  const [left, top] = [x - thickness, y - thickness];
  const [across, down] = [width + 2 * thickness, height + 2 * thickness];
  return [
    [left, top, across, thickness],
    [left, y + height, across, thickness],
    [left, top, thickness, down],
    [x + width, top, thickness, down],
  ];
}

/** The interfaces of devices that point at surfaces, each with its events that are not about a surface. */
const pointing = new Map<string, readonly string[]>([
  ["wl_pointer", []],
  ["wl_touch", ["wl_touch.cancel"]],
  ["wl_data_device", ["wl_data_device.data_offer", "wl_data_device.selection"]],
  ["zwp_pointer_gesture_swipe_v1", []],
  ["zwp_pointer_gesture_pinch_v1", []],
  ["zwp_pointer_gesture_hold_v1", []],
  ["zwp_tablet_tool_v2", ["zwp_tablet_tool_v2.removed"]],
]);

/** Returns a function that takes each event and returns whether it is about a border. */
export function createBorderInput(): (event: Message) => boolean {
  /** What each device has on a border: the ids of fingers, 0 for any other pointer. */
  const onBorder = new WeakMap<WaylandObject, Set<unknown>>();
  /** Devices with an event that was passed to the app since their last frame. */
  const isHeard = new WeakSet<WaylandObject>();
  return ({ object, type: { name, args }, values }) => {
    const besides = pointing.get(object.type.name);
    if (!besides || besides.includes(name)) return false;
    if (name === `${object.type.name}.frame`) return !isHeard.delete(object);
    const what = object.type.name === "wl_touch" ? values[args.findIndex(({ name }) => name === "id")] : 0;
    const there = onBorder.get(object) ?? new Set();
    const at = args.findIndex((argument) => argument.interface === "wl_surface");
    const isHidden = at < 0 ? there.has(what) : (values[at] as WaylandObject | undefined)?.id === 0;
    if (at >= 0) {
      onBorder.set(object, there);
      if (isHidden) there.add(what);
      else there.delete(what);
    }
    if (!isHidden) isHeard.add(object);
    return isHidden;
  };
}
