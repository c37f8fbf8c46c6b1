/**
 * The surfaces of a connection: the role of each, and its extent with all subsurfaces. A window shows nothing far
 * outside of its window geometry.
 */

import { Violation } from "../faults.ts";
import { areaOf, maxPointerSide, maxScreenfuls, maxSide, minVisible, type Size } from "../limits.ts";
import { type Addition, dropped, type Handler, type Part, type Verdict, type WaylandObject } from "./objects.ts";
import type { WaylandSession } from "./session.ts";

/** The role of a surface. A "part" is a subsurface. */
export type Role = "window" | "popup" | "pointer" | "drag" | "part";

/** A rectangle by its edges, relative to the upper left corner of a surface. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const zeroSize: Size = { width: 0, height: 0 };
const origin: Box = { left: 0, top: 0, right: 0, bottom: 0 };

export class Surface {
  /** Its role, once it has one. */
  role?: Role;
  /** The size of the attached buffer, pending until the next commit. */
  pending?: Size;
  /** The app has changed its state since the last commit: to commit it now might be a protocol error. */
  isChanging?: boolean;
  /** The size of its buffer, in buffer pixels. */
  picture: Size = zeroSize;
  /** The buffer scale. */
  scale = 1;
  /** Whether the buffer transform swaps width and height. */
  isTurned = false;
  /** The destination size of its viewport. */
  destination?: Size | undefined;
  /** The source size of its viewport. */
  source?: Size | undefined;
  shell?: WaylandObject;
  /** Its window geometry, which the guard may have enlarged. */
  geometry?: Box;
  /** The window geometry that the app last set. */
  named?: Box;
  /** The last window size, border included, that the guard set in place of the app, and when (in milliseconds). */
  guards?: Size & { ms: number };
  /** Everything that it may show, as of the last commit. */
  whole?: Box;
  /** The box inside its border, as of the last commit. */
  seen?: Box;
  /** The minimum and maximum size that the app has set. */
  limits: { min?: Size; max?: Size } = {};
  /** The window geometry that the compositor was last sent. */
  told?: readonly number[] | undefined;
  toplevel?: WaylandObject;
  /** A popup that is not shown: no buffer is attached until the surface becomes another popup. */
  isHidden?: boolean;
  parent?: Surface | undefined;
  parts = new Set<Surface>();
  /** Its size without subsurfaces: the most on the screen now, and as committed, which may wait for its parent. */
  sizes: [shown: Size, committed: Size] = [zeroSize, zeroSize];
  /**
   * Where its upper left corner may be in its parent: on the screen, as of the parent's commit, and after its next one.
   */
  places: [shown: Box, committed: Box, next: Box] = [origin, origin, origin];
  /** The number of its last commit, counted over the connection. */
  committedAt = 0;
  /** As a subsurface, it is in sync mode. */
  isSync = true;
  /** The sum of the offsets of its buffers. */
  moved: readonly [x: number, y: number] = [0, 0];

  constructor(readonly object: WaylandObject) {}
}

/** The largest side of a drag icon, in desktop pixels: a larger one could cover other windows. */
const maxDragSide = 1_024;
/** How far a window may reach beyond its window geometry, in desktop pixels: the width of a shadow. */
const maxShadow = 128;

export type SurfaceArea = readonly [x: number, y: number, width: number, height: number];

export interface Surfaces extends Part {
  /** The surface that an object is or belongs to. */
  of(object: WaylandObject): Surface;
  /** Links an object to its surface: a window, popup, viewport or subsurface. */
  link(object: WaylandObject, to: WaylandObject): void;
  /** Makes a surface the pointer or a drag icon. */
  setRole(object: WaylandObject | undefined, role: "pointer" | "drag"): Verdict<never> | undefined;
}

/** How many pixels all buffers may have, however large the screens are: the compositor stores them, in 4 GiB. */
const maxPixels = 2 ** 30;

/**
 * Makes the surfaces of a connection.
 *
 * @param options `mayPopUp`: whether a popup may have this size; `screens`: the pixels of all screens; `bufferSize`:
 * the size of a buffer
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
  /** Subsurfaces whose commits wait until their window is large enough for them. */
  const held = new Set<Surface>();
  let commits = 0;
  /**
   * The extent of a surface with its subsurfaces: all that it may show, or what every compositor shows now, if
   * anything.
   */
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
  /** The surface at the top of a tree of subsurfaces. */
  const rootOf = (surface: Surface): Surface => {
    if (!surface.parent) return surface;
    session.addWork(1);
    return rootOf(surface.parent);
  };
  const count = (surface: Surface, size: Size): void => {
    const change = areaOf(size) - areaOf(surface.picture);
    surface.picture = size;
    // Firefox has two buffers for each window.
    if (change !== 0) session.addPixels(change, Math.min(2 * maxScreenfuls * screens(), maxPixels));
  };
  /** Whether this size is larger than the surface's role allows. */
  const isTooLarge = ({ role }: Surface, { width, height, scale = 1 }: Size & { scale?: number }): boolean => {
    const max = role === "pointer" ? maxPointerSide : role === "drag" ? maxDragSide : maxSide;
    return width > max * scale || height > max * scale;
  };
  /** Takes the pending state as committed. */
  const take = (surface: Surface): void => {
    count(surface, surface.pending ?? surface.picture);
    delete surface.pending;
    delete surface.isChanging;
    // The previous commit may be on the screen already: compositors differ.
    surface.sizes = [maxSize(surface.sizes), shownSize(surface)];
    surface.committedAt = ++commits;
    for (const part of surface.parts) {
      const [shown, committed, next] = part.places;
      part.places = [unionOf(shown, committed), next, next];
    }
  };
  /** Takes the committed state as shown, with the subsurfaces that every compositor shows now. */
  const apply = (surface: Surface): void => {
    if (held.has(surface)) return;
    surface.sizes[0] = surface.sizes[1];
    for (const part of surface.parts) {
      part.places[0] = part.places[1];
      if (part.isSync && part.committedAt < surface.committedAt) apply(part);
    }
  };
  /** Whether a window with its subsurfaces is within its extent at the last commit, which its border surrounds. */
  const isInside = (root: Surface): boolean => {
    const box = boxOf(root);
    if (!box) return true;
    if (!root.shell) return !isTooLarge(root, sizeOf(box));
    return !root.whole || contains(root.whole, box);
  };
  const commitRoot = (root: Surface): Verdict<never> | undefined => {
    session.addWork(held.size);
    const following = [...held].filter((part) => rootOf(part) === root);
    // With the app's changes since their commit.
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
    // Otherwise it would show pictures over other windows, which the desktop takes for a shadow.
    const isBeyond = named ? !isWithin(box, named) : geometry !== undefined || following.length > 0;
    // Once the subsurfaces fit again, the app's own geometry counts, with the shadow outside.
    const counts = isBeyond ? box : named;
    const isChanged = counts !== undefined && !(geometry && isSameBox(counts, geometry));
    if (isChanged) root.told = rectangleOf(counts);
    if (counts) root.geometry = counts;
    for (const part of following) {
      held.delete(part);
      if (!isSync(part)) apply(part);
    }
    // A compositor counts what is shown now: not a subsurface that will show after its parent's next commit.
    const shown = boxOf(root, "shows") ?? box;
    root.seen = overlap(shown, root.geometry ?? shown);
    if (!isChanged && following.length === 0) return undefined;
    // Before their window, as the app has committed them: wlroots then counts them as part of it.
    const commits = following.map(({ object }): Addition => [object, "commit"]);
    return {
      before: [...isChanged ? [[shell, "set_window_geometry", ...rectangleOf(counts)] as const] : [], ...commits],
    };
  };
  /** Commits a window, unless the app is in the middle of changing its state. */
  const recommit = (
    { object, shell, isChanging, limits: { min, max } }: Surface,
  ): Pick<Verdict, "commits"> | undefined => {
    // Firefox sets its minimum and maximum size without a commit.
    const isBetween = (["width", "height"] as const).some((side) => max?.[side] && min && min[side] > max[side]);
    return shell && !isChanging && !isBetween ? { commits: object } : undefined;
  };
  /** After a subsurface has changed: commits its window if its extent, and so its outer line, has another size. */
  const followPart = (root: Surface): Verdict<never> | undefined => {
    const { whole } = root;
    const box = whole && boxOf(root);
    return box && !isSameBox(box, whole) ? recommit(root) : undefined;
  };
  /** Makes a surface a subsurface of another. */
  const join = (part: Surface, parent: Surface): void => {
    if (part.parent || (part.role ?? "part") !== "part" || rootOf(parent) === part) {
      throw new Violation("a surface that is something else is made a part of another one");
    }
    // A commit that waited for the last parent may be shown or lost.
    const size = maxSizeOf(part);
    // mutter keeps the position from the last parent, other compositors reset it.
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
   * Whether a buffer's offset may move its surface: only a drag icon, to be beside the pointer. mutter adds up the
   * offsets of a subsurface, and draws it there, over other windows.
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
      "wp_viewport.destroy": ({ object }) =>
        void Object.assign(change(object), { source: undefined, destination: undefined }),
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
      // An object that a refused message has created belongs to no surface.
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
        for (const key of ["shell", "geometry", "named", "guards", "whole", "seen", "told"] as const) delete found[key];
      } else if (["xdg_toplevel", "xdg_popup"].includes(object.type.name)) {
        // Until it is a window or a popup again, a commit would be a protocol error.
        delete found.whole;
      }
    },
  };
}

/** Whether a subsurface is effectively in sync mode: it changes only when its parent is committed. */
function isSync(part: Surface): boolean {
  return part.parent !== undefined && (part.isSync || isSync(part.parent));
}

export function isSame(size: Size, other: Size): boolean {
  return size.width === other.width && size.height === other.height;
}

export function sizeOf({ left, top, right, bottom }: Box): Size {
  return { width: right - left, height: bottom - top };
}

/** A box enlarged by this much on each side. */
export function grown({ left, top, right, bottom }: Box, by: number): Box {
  return { left: left - by, top: top - by, right: right + by, bottom: bottom + by };
}

export function rectangleOf(box: Box): SurfaceArea {
  const { width, height } = sizeOf(box);
  return [box.left, box.top, width, height];
}

/** Whether a box reaches no farther beyond another one than a shadow. */
function isWithin(box: Box, other: Box): boolean {
  return contains(grown(other, maxShadow), box);
}

export function contains(box: Box, { left, top, right, bottom }: Box): boolean {
  return box.left <= left && box.top <= top && box.right >= right && box.bottom >= bottom;
}

export function isSameBox(box: Box, other: Box): boolean {
  return contains(box, other) && contains(other, box);
}

/** The size of a surface on the screen after its commit, without its subsurfaces. */
function shownSize({ destination, source, picture: { width, height }, scale, isTurned }: Surface): Size {
  if (width > 0 && (destination || source)) return destination ?? source!;
  const [across, down] = isTurned ? [height, width] : [width, height];
  return { width: Math.ceil(across / scale), height: Math.ceil(down / scale) };
}

/** The largest size that a surface may have on the screen now: compositors differ in when they show a change. */
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

/** Whether a subsurface is shown as last committed, at its only possible place. */
function isSettled({ places, sizes: [size, committed] }: Surface): boolean {
  const [{ left: x, top: y }] = places;
  return places.every(({ left, top, right, bottom }) => left === x && top === y && right === x && bottom === y) &&
    isSame(size, committed);
}

/** The intersection of two boxes; the first one if it is empty. */
export function overlap(box: Box, other: Box): Box {
  const [left, top] = [Math.max(box.left, other.left), Math.max(box.top, other.top)];
  const [right, bottom] = [Math.min(box.right, other.right), Math.min(box.bottom, other.bottom)];
  return left < right && top < bottom ? { left, top, right, bottom } : box;
}

/** The box inside a window's border, as of its last commit; undefined for a window without a buffer. */
export function borderedPart({ seen, role }: Surface): Box | undefined {
  if (role !== "window") return seen;
  return seen && {
    ...seen,
    // A minimum size: the user could type into a window that cannot be seen.
    right: Math.max(seen.right, seen.left + minVisible.width),
    bottom: Math.max(seen.bottom, seen.top + minVisible.height),
  };
}
