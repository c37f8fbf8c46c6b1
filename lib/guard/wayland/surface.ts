/** One surface: its role, its state, and its extent with all subsurfaces. */

import { Violation } from "../faults.ts";
import { maxPointerSide, maxSide, minVisible, type Size } from "../limits.ts";
import { type Box, contains, isSame, maxSize, origin, sizeOf, unionOf, zeroSize } from "./boxes.ts";
import type { WaylandObject } from "./objects.ts";

/** The role of a surface. A "part" is a subsurface. */
export type Role = "window" | "popup" | "pointer" | "drag" | "part";

/** The largest side of a drag icon, in desktop pixels: a larger one could cover other windows. */
export const maxDragSide = 1_024;

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

  /** `addWork`: counts steps of judging it. */
  constructor(readonly object: WaylandObject, private readonly addWork: (steps: number) => void) {}

  /** The surface at the top of its tree of subsurfaces. */
  root(): Surface {
    if (!this.parent) return this;
    this.addWork(1);
    return this.parent.root();
  }

  /** Whether it is effectively in sync mode as a subsurface: it changes only when its parent is committed. */
  followsParent(): boolean {
    return this.parent !== undefined && (this.isSync || this.parent.followsParent());
  }

  /** Makes it a subsurface of another. */
  join(parent: Surface): void {
    if (this.parent || (this.role ?? "part") !== "part" || parent.root() === this) {
      throw new Violation("a surface that is something else is made a part of another one");
    }
    // A commit that waited for the last parent may be shown or lost.
    const size = this.#maxSize();
    // mutter keeps the position from the last parent, other compositors reset it.
    const place = this.places.reduce(unionOf, origin);
    Object.assign(this, { role: "part", parent, sizes: [size, size], places: [place, place, place], isSync: true });
    parent.parts.add(this);
  }

  /** Its size on the screen after its commit, without its subsurfaces. */
  nextSize(): Size {
    const { destination, source, picture: { width, height }, scale, isTurned } = this;
    if (width > 0 && (destination || source)) return destination ?? source!;
    const [across, down] = isTurned ? [height, width] : [width, height];
    return { width: Math.ceil(across / scale), height: Math.ceil(down / scale) };
  }

  /** Whether this size is larger than its role allows. */
  isTooLarge({ width, height, scale = 1 }: Size & { scale?: number }): boolean {
    const max = this.role === "pointer" ? maxPointerSide : this.role === "drag" ? maxDragSide : maxSide;
    return width > max * scale || height > max * scale;
  }

  /** Its extent with its subsurfaces: all that it may show, or what every compositor shows now, if anything. */
  extent(what: "may show" | "shows" = "may show"): Box | undefined {
    this.addWork(1);
    const { width, height } = what === "shows" ? this.sizes[0] : this.#maxSize();
    if (width === 0) return undefined;
    const box: Box = { left: 0, top: 0, right: width, bottom: height };
    for (const part of this.parts) {
      const own = what === "may show" || part.#isSettled() ? part.extent(what) : undefined;
      if (!own) continue;
      for (const { left, top, right, bottom } of part.places) {
        box.left = Math.min(box.left, left + own.left);
        box.top = Math.min(box.top, top + own.top);
        box.right = Math.max(box.right, right + own.right);
        box.bottom = Math.max(box.bottom, bottom + own.bottom);
      }
    }
    return box;
  }

  /** Whether it is within its extent at the last commit with its subsurfaces: for a window, within its border. */
  isInside(): boolean {
    const box = this.extent();
    if (!box) return true;
    if (!this.shell) return !this.isTooLarge(sizeOf(box));
    return !this.whole || contains(this.whole, box);
  }

  /** The largest size that it may have on the screen now: compositors differ in when they show a change. */
  #maxSize(): Size {
    return maxSize([...this.sizes, this.nextSize()]);
  }

  /** Whether it is shown as last committed, as a subsurface at its only possible place. */
  #isSettled(): boolean {
    const { places, sizes: [size, committed] } = this;
    const [{ left: x, top: y }] = places;
    return places.every(({ left, top, right, bottom }) => left === x && top === y && right === x && bottom === y) &&
      isSame(size, committed);
  }
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
