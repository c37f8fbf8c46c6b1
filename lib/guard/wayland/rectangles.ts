/**
 * Rectangles: what has changed of a surface, and what regions consist of. A compositor joins each one with all before it,
 * which takes the longer the more there are: with 300,000 of them, sway 1.10.1 took a second for each answer to anybody, as
 * long as more came.
 */

import { Violation } from "../faults.ts";
import type { Message, WaylandObject } from "./connection.ts";
import type { MessageVerdict } from "./policy.ts";
import { dropped } from "./surfaces.ts";

/** After so many parts of a surface that have changed, all of it has: the one rectangle that is left holds all others. */
const maxChanges = 4_000;
/**
 * So many rectangles all regions of a connection may have. Toolkits have some, of regions that they end at once; a window
 * of a shape of its own may have thousands. Without the rest of them, a region is smaller, and the app runs.
 */
const maxRectangles = 2_000;
/** All of a surface, however large it is. */
const everything = [0, 0, 2 ** 31 - 1, 2 ** 31 - 1];

/** The rectangles of a connection. */
export interface Rectangles {
  /** By the names of messages. */
  handlers: Record<string, (message: Message) => MessageVerdict | undefined | void>;
  /** An object has ended. */
  ended(object: WaylandObject): void;
}

/** No rectangles yet. */
export function createRectangles(): Rectangles {
  const changes = new WeakMap<WaylandObject, number>();
  const regions = new Map<WaylandObject, number>();
  let together = 0;

  const change = ({ object, values }: Message): MessageVerdict | undefined => {
    const [x, y] = values as [number, number];
    const count = (changes.get(object) ?? 0) + 1;
    const isWhole = count > maxChanges || x < 0 || y < 0;
    changes.set(object, count > maxChanges ? 0 : count);
    return isWhole ? { values: everything } : undefined;
  };
  const add = ({ object }: Message): MessageVerdict | undefined => {
    if (together >= maxRectangles) return dropped;
    together++;
    regions.set(object, (regions.get(object) ?? 0) + 1);
    return undefined;
  };
  const subtract = (message: Message): void => {
    if (add(message)) throw new Violation(`its regions have more than ${maxRectangles} rectangles`);
  };
  return {
    handlers: {
      "wl_surface.damage": change,
      "wl_surface.damage_buffer": change,
      "wl_region.add": add,
      "wl_region.subtract": subtract,
    },
    ended(object) {
      together -= regions.get(object) ?? 0;
      regions.delete(object);
    },
  };
}
