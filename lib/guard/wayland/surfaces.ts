/**
 * The surfaces of a connection: the role of each, and how large it is with all that belongs to it. A window shows
 * nothing far outside of what the desktop takes for the window.
 */

import { Violation } from "../faults.ts";
import { areaOf, maxPointerSide, maxScreenfuls, maxSide, minVisible, type Size } from "../limits.ts";
import { type Addition, dropped, type Handler, type Part, type Verdict, type WaylandObject } from "./objects.ts";
import type { WaylandSession } from "./session.ts";

/** The role of a surface. A part belongs to another surface: it is a subsurface. */
export type Role = "window" | "popup" | "pointer" | "drag" | "part";

/** Where the edges are, from the upper left corner of a surface. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const zeroSize: Size = { width: 0, height: 0 };
const origin: Box = { left: 0, top: 0, right: 0, bottom: 0 };

export class Surface {
  /** What it is for, once that is known. */
  role?: Role;
  /** What is attached, and counts at the next commit. */
  pending?: Size;
  /** The app has changed it since its last commit, in a way that may be an error without the rest. */
  isChanging?: boolean;
  /** The size of its picture, in the picture's pixels. */
  picture: Size = zeroSize;
  /** How many of the picture's pixels make one of the desktop's. */
  scale = 1;
  /** The picture is shown turned by a quarter. */
  isTurned = false;
  /** The size that a viewport gives it. */
  destination?: Size | undefined;
  /** The size of the part of the picture that a viewport shows. */
  source?: Size | undefined;
  shell?: WaylandObject;
  /** The part of it that the desktop takes for the window. */
  geometry?: Box;
  /** The same, as the app has named it last. */
  named?: Box;
  /** How large it was for the compositor when only the guard had said so last, and when that was. */
  guards?: Size & { ms: number };
  /** All that it may have shown as of the last commit. */
  whole?: Box;
  /** What of it its border is around, as of the last commit. */
  seen?: Box;
  /** The smallest and largest size that the app has named. */
  limits: { min?: Size; max?: Size } = {};
  /** What the compositor has been told last that it is to take for the window. */
  told?: readonly number[] | undefined;
  toplevel?: WaylandObject;
  /** It is left out: nothing is attached to it until it is another popup. */
  isHidden?: boolean;
  parent?: Surface | undefined;
  parts = new Set<Surface>();
  /** How large it is without its parts: at most on the screen, and as committed, which may wait for its parent. */
  sizes: [shown: Size, committed: Size] = [zeroSize, zeroSize];
  /**
   * Where its left upper corner may be in its parent: on the screen, as that was committed, and once that is committed
   * again.
   */
  places: [shown: Box, committed: Box, next: Box] = [origin, origin, origin];
  /** When it was committed last, in commits of the connection. */
  committedAt = 0;
  /** As a part, it changes only together with its parent. */
  isSync = true;
  /** How far its pictures have moved it. */
  moved: readonly [x: number, y: number] = [0, 0];

  constructor(readonly object: WaylandObject) {}
}

/** The largest side of a picture that is dragged: a larger one could cover other windows. */
const maxDragSide = 1_024;
/** How far a window's picture may reach beyond the window that the desktop knows: the width of a shadow. */
const maxShadow = 128;

export type SurfaceArea = readonly [x: number, y: number, width: number, height: number];

export interface Surfaces extends Part {
  /** The surface that an object is, or is linked to. */
  of(object: WaylandObject): Surface;
  /** Links an object to its surface: a window, popup, viewport or part. */
  link(object: WaylandObject, to: WaylandObject): void;
  /** A surface is to be the pointer, or what is dragged. */
  setRole(object: WaylandObject | undefined, role: "pointer" | "drag"): Verdict<never> | undefined;
}

/** How many pixels all pictures may have, however large the screens are: the compositor keeps them, in 4 GiB. */
const maxPixels = 2 ** 30;

/**
 * Makes the surfaces of a connection.
 *
 * @param options `mayPopUp`: whether a popup may have this size; `screens`: their pixels; `bufferSize`: that of a picture
 */
export function createSurfaces(
  { session, mayPopUp, screens, bufferSize }: {
    session: WaylandSession;
    mayPopUp(popup: Surface, size: Size): boolean;
    screens(): number;
    bufferSize(buffer: WaylandObject): Size;
  },
): Surfaces {
  const surfaces = new WeakMap<WaylandObject, Surface>();
  const of = (object: WaylandObject): Surface => surfaces.get(object)!;
  const link = (object: WaylandObject, to: WaylandObject): void => void surfaces.set(object, of(to));
  /** Parts that do not change until their window is large enough for them. */
  const held = new Set<Surface>();
  let commits = 0;
  /** All that a surface may show, with its parts, or what every compositor shows of it now; undefined for nothing. */
  const boxOf = (surface: Surface, what: "may show" | "shows" = "may show"): Box | undefined => {
    session.addWork(1);
    const { width, height } = what === "shows" ? surface.sizes[0] : maxSizeOf(surface);
    if (width === 0) return undefined;
    const box: Box = { left: 0, top: 0, right: width, bottom: height };
    for (const part of surface.parts) {
      const own = what === "may show" || isSettled(part) ? boxOf(part, what) : undefined;
      if (!own) continue;
      for (const { left, top, right, bottom } of part.places) {
        box.left = Math.min(box.left, left + own.left);
        box.top = Math.min(box.top, top + own.top);
        box.right = Math.max(box.right, right + own.right);
        box.bottom = Math.max(box.bottom, bottom + own.bottom);
      }
    }
    return box;
  };
  /** The surface that a part belongs to in the end. */
  const rootOf = (surface: Surface): Surface => {
    let root = surface;
    let steps = 0;
    for (; root.parent; root = root.parent) steps++;
    if (steps > 0) session.addWork(steps);
    return root;
  };
  const count = (surface: Surface, size: Size): void => {
    const change = areaOf(size) - areaOf(surface.picture);
    surface.picture = size;
    // Firefox has two pictures for each window.
    if (change !== 0) session.addPixels(change, Math.min(2 * maxScreenfuls * screens(), maxPixels));
  };
  /** Whether a surface would show more than its role allows, with this size. */
  const isTooLarge = ({ role }: Surface, { width, height, scale = 1 }: Size & { scale?: number }): boolean => {
    const max = role === "pointer" ? maxPointerSide : role === "drag" ? maxDragSide : maxSide;
    return width > max * scale || height > max * scale;
  };
  /** What is pending is committed. */
  const take = (surface: Surface): void => {
    count(surface, surface.pending ?? surface.picture);
    delete surface.pending;
    delete surface.isChanging;
    // What was committed before may be on the screen already: compositors differ.
    surface.sizes = [maxSize(surface.sizes), shownSize(surface)];
    surface.committedAt = ++commits;
    for (const part of surface.parts) {
      const [shown, committed, next] = part.places;
      part.places = [unionOf(shown, committed), next, next];
    }
  };
  /** Takes what was committed as shown, also of the parts that every compositor shows now. */
  const apply = (surface: Surface): void => {
    if (held.has(surface)) return;
    surface.sizes[0] = surface.sizes[1];
    for (const part of surface.parts) {
      part.places[0] = part.places[1];
      if (part.isSync && part.committedAt < surface.committedAt) apply(part);
    }
  };
  /** Whether a window with its parts is inside of what it showed when it was committed: its border is around that. */
  const isInside = (root: Surface): boolean => {
    const box = boxOf(root);
    if (!box) return true;
    if (!root.shell) return !isTooLarge(root, sizeOf(box));
    return !root.whole || contains(root.whole, box);
  };
  const commitRoot = (root: Surface): Verdict<never> | undefined => {
    session.addWork(held.size);
    const following = [...held].filter((part) => rootOf(part) === root);
    // With what the app has changed since it committed them.
    following.forEach(take);
    const box = boxOf(root);
    const { shell, geometry, named } = root;
    if (!box) {
      delete root.whole;
      delete root.seen;
      return undefined;
    }
    root.whole = root.whole && isSameBox(root.whole, box) ? root.whole : box;
    if (!shell) return isTooLarge(root, sizeOf(box)) ? dropped : undefined;
    if (root.role === "popup" && (root.isHidden || !mayPopUp(root, sizeOf(box)))) return dropped;
    // Else it would have a picture over other windows, which the desktop takes for a shadow.
    const isBeyond = named ? !isWithin(box, named) : geometry !== undefined || following.length > 0;
    // Once the parts are as small as the window has become, it has its shadow around it again.
    const counts = isBeyond ? box : named;
    const isChanged = counts !== undefined && !(geometry && isSameBox(counts, geometry));
    if (isChanged) root.told = rectangleOf(counts);
    if (counts) root.geometry = counts;
    for (const part of following) {
      held.delete(part);
      if (!isSync(part)) apply(part);
    }
    // A desktop takes for the window what shows now: not a part that will show when its own parent is committed.
    const shown = boxOf(root, "shows") ?? box;
    root.seen = overlap(shown, root.geometry ?? shown);
    if (!isChanged && following.length === 0) return undefined;
    // As the app has committed them: before their window. wlroots then takes them for a part of it.
    const commits = following.map(({ object }): Addition => [object, "commit"]);
    return {
      before: [...isChanged ? [[shell, "set_window_geometry", ...rectangleOf(counts)] as const] : [], ...commits],
    };
  };
  /** Has a window committed, unless the app is about to commit more than it has said by now. */
  const recommit = (
    { object, shell, isChanging, limits: { min, max } }: Surface,
  ): Pick<Verdict, "commits"> | undefined => {
    // Firefox names its limits, and commits nothing.
    const isBetween = (["width", "height"] as const).some((side) => max?.[side] && min && min[side] > max[side]);
    return shell && !isChanging && !isBetween ? { commits: object } : undefined;
  };
  /** A part has changed: its window, and the line around that, may have another size. */
  const followPart = (root: Surface): Verdict<never> | undefined => {
    const { whole } = root;
    const box = whole && boxOf(root);
    return box && !isSameBox(box, whole) ? recommit(root) : undefined;
  };
  /** Makes one a part of another. */
  const join = (part: Surface, parent: Surface): void => {
    if (part.parent || (part.role ?? "part") !== "part" || rootOf(parent) === part) {
      throw new Violation("a surface that is something else is made a part of another one");
    }
    // Nobody knows what happened to a commit that waited for another parent.
    const size = maxSizeOf(part);
    // mutter leaves the part where it was on its last parent, others begin anew.
    const place = part.places.reduce(unionOf, origin);
    const fresh = { sizes: [size, size], places: [place, place, place], isSync: true };
    Object.assign(part, { role: "part", parent, ...fresh });
    parent.parts.add(part);
  };
  const setRole: Surfaces["setRole"] = (object, role) => {
    const surface = object && of(object);
    if (!surface) return undefined;
    surface.role ??= role;
    const box = boxOf(surface);
    const isLarge = isTooLarge(surface, { ...surface.pending ?? zeroSize, scale: surface.scale }) ||
      box && isTooLarge(surface, sizeOf(box));
    return isLarge ? dropped : undefined;
  };
  const change = (object: WaylandObject): Surface => Object.assign(of(object), { isChanging: true });
  /**
   * Whether a picture may move its surface: what is dragged, to be beside the pointer. mutter adds up how far a part
   * of a window is moved, and draws it there, over other windows.
   */
  const move = (surface: Surface, by: { x: number; y: number }): boolean => {
    const [x, y] = [by.x + surface.moved[0], by.y + surface.moved[1]];
    if (by.x === 0 && by.y === 0) return true;
    if (surface.role !== "drag" || Math.max(Math.abs(x), Math.abs(y)) > maxDragSide) return false;
    surface.moved = [x, y];
    return true;
  };
  const setPointer: Handler<"wl_pointer.set_cursor" | "zwp_tablet_tool_v2.set_cursor"> = (
    { args: { surface, hotspot_x, hotspot_y } },
  ) => {
    const isFar = [hotspot_x, hotspot_y].some((at) => at < 0 || at > maxPointerSide);
    return isFar ? dropped : setRole(surface, "pointer");
  };
  return {
    of,
    link,
    setRole,
    handlers: {
      "wl_compositor.create_surface": ({ args: { id } }) => void surfaces.set(id, new Surface(id)),
      "wl_surface.attach": ({ object, args: { buffer, x, y } }) => {
        const found = change(object);
        const size = buffer && bufferSize(buffer);
        if (size && (found.isHidden || isTooLarge(found, { ...size, scale: found.scale }))) return dropped;
        found.pending = size ?? zeroSize;
        return move(found, { x, y }) ? undefined : { args: { x: 0, y: 0 } };
      },
      "wl_surface.offset": ({ object, args }) => move(of(object), args) ? undefined : dropped,
      "wl_surface.set_buffer_scale": ({ object, args: { scale } }) => {
        if (scale < 1 || scale > 16) throw new Violation("a picture's scale is out of range");
        const found = change(object);
        if (isTooLarge(found, { ...found.pending ?? found.picture, scale })) return dropped;
        found.scale = scale;
        return undefined;
      },
      "wl_surface.set_buffer_transform": ({ object, args: { transform } }) =>
        void (change(object).isTurned = transform % 2 === 1),
      "wl_surface.commit": ({ object }) => {
        const surface = of(object);
        take(surface);
        held.delete(surface);
        if (isSync(surface)) return undefined;
        const root = rootOf(surface);
        if (root !== surface && !isInside(root)) {
          held.add(surface);
          const [box, { seen }] = [boxOf(root)!, root];
          return seen && isWithin(box, seen) ? { ...dropped, ...recommit(root) } : dropped;
        }
        apply(surface);
        return root === surface ? commitRoot(root) : followPart(root);
      },
      "wp_viewporter.get_viewport": ({ args: { id, surface } }) => link(id, surface),
      "wp_viewport.set_source": ({ object, args }) => {
        const [width, height] = [args.width >> 8, args.height >> 8];
        change(object).source = width > 0 && height > 0 ? { width, height } : undefined;
      },
      "wp_viewport.set_destination": ({ object, args: { width, height } }) => {
        const size = width > 0 && height > 0 ? { width, height } : undefined;
        const found = change(object);
        if (size && isTooLarge(found, size)) return dropped;
        found.destination = size;
        return undefined;
      },
      "wp_viewport.destroy": ({ object }) => {
        Object.assign(change(object), { source: undefined, destination: undefined });
      },
      "wl_subcompositor.get_subsurface": ({ args: { id, surface, parent } }) => {
        link(id, surface);
        join(of(surface), of(parent));
      },
      "wl_subsurface.set_position": ({ object, args }) => {
        const [x, y] = [args.x, args.y].map((at) => Math.max(-maxShadow, Math.min(maxSide, at))) as [number, number];
        of(object).places[2] = { left: x, top: y, right: x, bottom: y };
        return x !== args.x || y !== args.y ? { args: { x, y } } : undefined;
      },
      "wl_subsurface.set_sync": ({ object }) => void (of(object).isSync = true),
      "wl_subsurface.set_desync": ({ object }) => {
        const part = of(object);
        const root = rootOf(part);
        if (!isInside(root)) return dropped;
        part.isSync = false;
        if (isSync(part)) return undefined;
        apply(part);
        return followPart(root);
      },
      "wl_pointer.set_cursor": setPointer,
      "zwp_tablet_tool_v2.set_cursor": setPointer,
      "xdg_wm_base.get_xdg_surface": ({ args: { id, surface } }) => link(id, surface),
      "xdg_surface.set_window_geometry": ({ object, args: { x, y, width, height } }) => {
        const found = of(object);
        found.named = found.geometry = { left: x, top: y, right: x + width, bottom: y + height };
        found.told = [x, y, width, height];
      },
    },
    ended(object) {
      // What a message has made that does not fit is nothing of a surface's.
      const found = surfaces.get(object);
      if (!found) return;
      if (found.object === object || object.type.name === "wl_subsurface") {
        held.delete(found);
        found.parent?.parts.delete(found);
        found.parent = undefined;
      }
      if (found.object === object) {
        for (const part of found.parts) part.parent = undefined;
        count(found, zeroSize);
      } else if (found.shell === object) {
        const its = ["shell", "geometry", "named", "guards", "whole", "seen", "told"] as const;
        for (const key of its) delete found[key];
      } else if (["xdg_toplevel", "xdg_popup"].includes(object.type.name)) {
        // Until it is a window or a popup again, to commit it is an error.
        delete found.whole;
      }
    },
  };
}

/** Whether a part changes only when what it belongs to is committed. */
function isSync(part: Surface): boolean {
  for (let each = part; each.parent; each = each.parent) {
    if (each.isSync) return true;
  }
  return false;
}

export function isSame(size: Size, other: Size): boolean {
  return size.width === other.width && size.height === other.height;
}

export function sizeOf({ left, top, right, bottom }: Box): Size {
  return { width: right - left, height: bottom - top };
}

/** The same with so much more at each side. */
export function grown({ left, top, right, bottom }: Box, by: number): Box {
  return { left: left - by, top: top - by, right: right + by, bottom: bottom + by };
}

export function rectangleOf(box: Box): SurfaceArea {
  const { width, height } = sizeOf(box);
  return [box.left, box.top, width, height];
}

function isWithin(box: Box, { left, top, right, bottom }: Box): boolean {
  return left - box.left <= maxShadow && top - box.top <= maxShadow && box.right - right <= maxShadow &&
    box.bottom - bottom <= maxShadow;
}

export function contains(box: Box, { left, top, right, bottom }: Box): boolean {
  return box.left <= left && box.top <= top && box.right >= right && box.bottom >= bottom;
}

export function isSameBox(box: Box, other: Box): boolean {
  return contains(box, other) && contains(other, box);
}

/** The size that a surface has on the screen once it is committed, without its parts. */
function shownSize({ destination, source, picture: { width, height }, scale, isTurned }: Surface): Size {
  if (width > 0 && (destination || source)) return destination ?? source!;
  const [across, down] = isTurned ? [height, width] : [width, height];
  return { width: Math.ceil(across / scale), height: Math.ceil(down / scale) };
}

/** The most that a surface may have on the screen now: nobody knows yet when what has changed is shown. */
function maxSizeOf(surface: Surface): Size {
  return maxSize([...surface.sizes, shownSize(surface)]);
}

function maxSize(sizes: readonly Size[]): Size {
  return sizes.reduce((max, { width, height }) => ({
    width: Math.max(max.width, width),
    height: Math.max(max.height, height),
  }));
}

export function unionOf(box: Box, other: Box): Box {
  return {
    left: Math.min(box.left, other.left),
    top: Math.min(box.top, other.top),
    right: Math.max(box.right, other.right),
    bottom: Math.max(box.bottom, other.bottom),
  };
}

/** Whether a part is on the screen as it was committed last, in its one place. */
function isSettled({ places, sizes: [size, committed] }: Surface): boolean {
  const [{ left: x, top: y }] = places;
  return places.every(({ left, top, right, bottom }) => left === x && top === y && right === x && bottom === y) &&
    isSame(size, committed);
}

/** What two boxes have in common; the first one if that is nothing. */
export function overlap(box: Box, other: Box): Box {
  const [left, top] = [Math.max(box.left, other.left), Math.max(box.top, other.top)];
  const [right, bottom] = [Math.min(box.right, other.right), Math.min(box.bottom, other.bottom)];
  return left < right && top < bottom ? { left, top, right, bottom } : box;
}

/** The part of a window that its border surrounds, as of its last commit; undefined for a window without a picture. */
export function borderedPart({ seen, role }: Surface): Box | undefined {
  if (role !== "window") return seen;
  return seen && {
    ...seen,
    // A window that could not be seen might be typed into.
    right: Math.max(seen.right, seen.left + minVisible.width),
    bottom: Math.max(seen.bottom, seen.top + minVisible.height),
  };
}
