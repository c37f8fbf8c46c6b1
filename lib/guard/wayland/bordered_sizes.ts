/**
 * The sizes of windows with a border: the desktop's window is larger than the app's, and the guard translates what each
 * side is told.
 */

import type { Size } from "../limits.ts";
import { grown, isSame, rectangleOf, sizeOf } from "./boxes.ts";
import { nearestInt } from "./messages.ts";
import type { Addition, Part, WaylandObject } from "./objects.ts";
import type { Surface } from "./surface.ts";
import type { Surfaces } from "./surfaces.ts";

/**
 * How long a size from the desktop counts as an echo of the guard's own, in milliseconds: later, the user has chosen
 * it.
 */
const maxAnswerMs = 500;

/** The states in which the desktop decides a window's size: maximized, fullscreen, and tiled at each of four edges. */
const fixedStates: ReadonlySet<number> = new Set([1, 2, 5, 6, 7, 8]);

export interface BorderedSizes extends Part {
  /** Sends the compositor a window's geometry before a commit, if it has changed. */
  tellGeometry(window: Surface): Addition[];
}

/** Makes the sizes of a connection's windows. `widthOf`: the width of a surface's border. */
export function createBorderedSizes(
  { surfaces, widthOf, now }: { surfaces: Surfaces; widthOf(surface: Surface): number; now(): number },
): BorderedSizes {
  const limit = (which: "min" | "max") => ({ object, args }: { object: WaylandObject; args: Size }): { args: Size } => {
    const found = surfaces.of(object);
    found.limits[which] = args;
    return { args: enlarged(args, widthOf(found)) };
  };
  return {
    handlers: {
      "xdg_toplevel.set_min_size": limit("min"),
      "xdg_toplevel.set_max_size": limit("max"),
      "xdg_toplevel.configure": ({ object, args }) => {
        const found = surfaces.of(object);
        const { named, guards } = found;
        // Each state is a word, with only one byte that is not 0.
        const isFixed = args.states.some((state) => fixedStates.has(state));
        // sway sends back the committed size of a floating window, even one that its app never asked for.
        const isGuards = named && guards && !isFixed && now() - guards.ms < maxAnswerMs && isSame(guards, args);
        return { args: isGuards ? sizeOf(named) : enlarged(args, -widthOf(found)) };
      },
      "xdg_toplevel.configure_bounds": ({ object, args }) => ({ args: enlarged(args, -widthOf(surfaces.of(object))) }),
    },
    tellGeometry(found) {
      const { toplevel, shell, geometry, whole, told, picture } = found;
      if (!shell || toplevel!.isEnded) return [];
      const width = widthOf(found);
      const box = geometry ?? (width > 0 || told ? whole : undefined);
      if (geometry && geometry !== found.named) found.guards = { ...sizeOf(grown(geometry, width)), ms: now() };
      const rectangle = box && rectangleOf(grown(box, width)).map(nearestInt);
      // An unmapped window gets its geometry again once it is mapped.
      found.told = picture.width === 0 ? told && [] : rectangle ?? told;
      return rectangle && `${rectangle}` !== `${told}` ? [[shell, "set_window_geometry", ...rectangle]] : [];
    },
  };
}

/** A size with this much more on each side; 0 stands for a size that is not given. */
function enlarged({ width, height }: Size, by: number): Size {
  const [across, down] = [width, height].map((side) => side > 0 ? Math.max(1, nearestInt(side + 2 * by)) : side);
  return { width: across!, height: down! };
}
