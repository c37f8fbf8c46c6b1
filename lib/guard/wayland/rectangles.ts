/**
 * Limits the rectangles of damage and regions. A compositor merges each one with all before it, which takes longer the
 * more there are: with 300,000, sway 1.10.1 took a second to answer any client, as long as more came.
 */

import { Violation } from "../faults.ts";
import { maxInt } from "./messages.ts";
import { dropped, type Handler, type Part, type WaylandObject } from "./objects.ts";

/** After so many damage rectangles, one for the whole surface replaces the next. */
const maxChanges = 4_000;
/**
 * How many rectangles all regions of a connection may have. Toolkits use few, in regions that they destroy at once; a
 * shaped window may have thousands. The rest are dropped: the region is smaller, but the app goes on.
 */
const maxRectangles = 2_000;
/** The whole surface, whatever its size. */
const everything = { x: 0, y: 0, width: maxInt, height: maxInt };

export function createRectangles(): Part {
  const changes = new WeakMap<WaylandObject, number>();
  const regions = new Map<WaylandObject, number>();
  let together = 0;

  const change: Handler<"wl_surface.damage" | "wl_surface.damage_buffer"> = ({ object, args: { x, y } }) => {
    const count = (changes.get(object) ?? 0) + 1;
    const isWhole = count > maxChanges || x < 0 || y < 0;
    changes.set(object, count > maxChanges ? 0 : count);
    return isWhole ? { args: everything } : undefined;
  };
  const add = (region: WaylandObject): boolean => {
    if (together >= maxRectangles) return false;
    together++;
    regions.set(region, (regions.get(region) ?? 0) + 1);
    return true;
  };
  return {
    handlers: {
      "wl_surface.damage": change,
      "wl_surface.damage_buffer": change,
      "wl_region.add": ({ object }) => add(object) ? undefined : dropped,
      "wl_region.subtract": ({ object }) => {
        if (!add(object)) throw new Violation(`its regions have more than ${maxRectangles} rectangles`);
      },
    },
    ended(object) {
      together -= regions.get(object) ?? 0;
      regions.delete(object);
    },
  };
}
