/** What surfaces are to show at their next commit: a buffer, its scale, transform and offset, and a viewport. */

import { Violation } from "../faults.ts";
import { maxSide, type Size } from "../limits.ts";
import { zeroSize } from "./boxes.ts";
import { dropped, type Handlers, type WaylandObject } from "./objects.ts";
import { maxDragSide, type Surface } from "./surface.ts";

/** Makes the contents of a connection's surfaces. `of`: the surface of an object; `bufferSize`: the size of a buffer. */
export function createContents(
  of: (object: WaylandObject) => Surface,
  bufferSize: (buffer: WaylandObject) => Size,
): Handlers {
  const change = (object: WaylandObject): Surface => Object.assign(of(object), { isChanging: true });
  return {
    "wl_surface.attach": ({ object, args: { buffer, x, y } }) => {
      const found = change(object);
      const size = buffer && bufferSize(buffer);
      if (size && (found.isHidden || found.isTooLarge({ ...size, scale: found.scale }))) return dropped;
      found.pending = size ?? zeroSize;
      return move(found, { x, y }) ? undefined : { args: { x: 0, y: 0 } };
    },
    "wl_surface.offset": ({ object, args }) => move(of(object), args) ? undefined : dropped,
    "wl_surface.set_buffer_scale": ({ object, args: { scale } }) => {
      if (scale < 1 || scale > 16) throw new Violation("a picture's scale is out of range");
      const found = change(object);
      if (found.isTooLarge({ ...found.pending ?? found.picture, scale })) return dropped;
      found.scale = scale;
      return undefined;
    },
    "wl_surface.set_buffer_transform": ({ object, args: { transform } }) =>
      void (change(object).isTurned = transform % 2 === 1),
    "wp_viewport.set_source": ({ object, args }) => {
      // A 256th of a pixel each. mutter rounds them up, and shows a window larger than its buffer.
      const [width, height] = [Math.ceil(args.width / 256), Math.ceil(args.height / 256)];
      if (Math.max(width, height) > maxSide) return dropped;
      change(object).source = width > 0 && height > 0 ? { width, height } : undefined;
      return undefined;
    },
    "wp_viewport.set_destination": ({ object, args: { width, height } }) => {
      const size = width > 0 && height > 0 ? { width, height } : undefined;
      const found = change(object);
      if (size && found.isTooLarge(size)) return dropped;
      found.destination = size;
      return undefined;
    },
    "wp_viewport.destroy": ({ object }) =>
      void Object.assign(change(object), { source: undefined, destination: undefined }),
  };
}

/**
 * Whether a buffer's offset may move its surface: only a drag icon, to be beside the pointer. mutter adds up the
 * offsets of a subsurface, and draws it there, over other windows.
 */
function move(surface: Surface, by: { x: number; y: number }): boolean {
  const [x, y] = [by.x + surface.moved[0], by.y + surface.moved[1]];
  if (by.x === 0 && by.y === 0) return true;
  if (surface.role !== "drag" || Math.max(Math.abs(x), Math.abs(y)) > maxDragSide) return false;
  surface.moved = [x, y];
  return true;
}
