/**
 * A border that the guard draws on each window of the container's that the desktop gives no frame: four strips of a
 * colour on its edges, over what the app shows there. GNOME draws no frames, and GTK apps ask none for theirs.
 */

import type { Addition, Create, Part, WaylandObject } from "./objects.ts";
import type { Border } from "./session.ts";
import { borderOf, type Surface, type SurfaceArea } from "./surfaces.ts";

interface Strip {
  surface: WaylandObject;
  subsurface: WaylandObject;
  viewport: WaylandObject;
}

/** The globals that are needed, each in its first version. */
const needed = ["wl_compositor", "wl_subcompositor", "wp_viewporter", "wp_single_pixel_buffer_manager_v1"] as const;

/** What all strips share: those, and a picture of one pixel and a region of none. */
const shared = [...needed, "wl_buffer", "wl_region"] as const;
type Shared = Readonly<Record<typeof shared[number], WaylandObject>>;

/** Larger than any surface. */
const everything = 2 ** 31 - 1;

/**
 * No borders yet. Where the compositor lacks a global that they need, there never are any.
 *
 * @param options `registry`: the one of the app, as soon as it has one; `numberOf`: the number of a global; `surfaceOf`:
 * what an object is; `isFramed`: whether the desktop gives a window a frame
 */
export function createBorders(
  { border, create, registry, numberOf, surfaceOf, isFramed }: {
    border: Border;
    create: Create;
    registry(): WaylandObject | undefined;
    numberOf(global: string): number | undefined;
    surfaceOf(object: WaylandObject): Surface;
    isFramed(window: WaylandObject): boolean;
  },
): Part {
  const borders = new Map<WaylandObject, { strips: readonly Strip[]; part: SurfaceArea }>();
  let common: Shared | undefined;

  const colour = border.colour.match(/\w\w/g)!.map((byte) => parseInt(byte, 16) * 0x101_0101);
  const edges = edgesOf(border.width);

  const begin = (): Addition[] | undefined => {
    if (common) return [];
    const from = registry();
    const numbers = needed.map(numberOf);
    if (!from || numbers.includes(undefined)) return undefined;
    const made = Object.fromEntries(shared.map((name) => [name, create(name)])) as Shared;
    common = made;
    return [
      ...needed.map((name, index): Addition => [from, "bind", numbers[index]!, name, 1, made[name]]),
      [made.wp_single_pixel_buffer_manager_v1, "create_u32_rgba_buffer", made.wl_buffer, ...colour, 2 ** 32 - 1],
      [made.wl_compositor, "create_region", made.wl_region],
    ];
  };

  const makeStrip = (): Strip => ({
    surface: create("wl_surface"),
    subsurface: create("wl_subsurface"),
    viewport: create("wp_viewport"),
  });
  const announce = ({ surface, subsurface, viewport }: Strip, parent: WaylandObject): Addition[] => {
    const { wl_compositor, wl_subcompositor, wp_viewporter, wl_buffer, wl_region } = common!;
    return [
      [wl_compositor, "create_surface", surface],
      [wl_subcompositor, "get_subsurface", subsurface, surface, parent],
      [wp_viewporter, "get_viewport", viewport, surface],
      // The pointer is the app's.
      [surface, "set_input_region", wl_region],
      [surface, "attach", wl_buffer, 0, 0],
      [surface, "damage", 0, 0, everything, everything],
    ];
  };

  const remove = (surface: WaylandObject): Addition[] => {
    const { strips = [] } = borders.get(surface) ?? {};
    borders.delete(surface);
    return strips.flatMap(({ surface, subsurface, viewport }) =>
      [viewport, subsurface, surface].map((object): Addition => [object, "destroy"])
    );
  };

  /** Puts one on the edges of a part of a surface, before the surface is committed; undefined takes it away. */
  const place = (surface: WaylandObject, part: SurfaceArea | undefined): Addition[] => {
    if (!part) return remove(surface);
    const known = borders.get(surface);
    if (known && part.every((value, index) => value === known.part[index])) return [];
    const messages = begin();
    if (!messages) return [];
    const strips = known?.strips ?? edges(part).map(makeStrip);
    borders.set(surface, { strips, part });
    return [
      ...messages,
      ...known ? [] : strips.flatMap((strip) => announce(strip, surface)),
      ...edges(part).flatMap(([x, y, width, height], index): Addition[] => [
        [strips[index]!.subsurface, "set_position", x, y],
        [strips[index]!.viewport, "set_destination", width, height],
        [strips[index]!.surface, "commit"],
      ]),
    ];
  };

  return {
    handlers: {
      "wl_surface.commit": ({ object }) => {
        const found = surfaceOf(object);
        if (found.role !== "window") return undefined;
        const hasBorder = border.isAlways || !isFramed(found.toplevel!);
        const before = place(object, hasBorder ? borderOf(found) : undefined);
        return before.length > 0 ? { before } : undefined;
      },
      "wl_surface.destroy": ({ object }) => ({ before: remove(object) }),
      // The app has put another surface on top of one, and over its border.
      "wl_subcompositor.get_subsurface": ({ args: { surface, parent } }) => ({
        after: (borders.get(parent)?.strips ?? []).map(({ subsurface }) => [subsurface, "place_above", surface]),
      }),
    },
  };
}

/** The four strips of a border. */
function edgesOf(thickness: number): (part: SurfaceArea) => SurfaceArea[] {
  return ([x, y, width, height]) => {
    const [across, down] = [Math.min(thickness, width), Math.min(thickness, height)];
    return [
      [x, y, width, down],
      [x, y + height - down, width, down],
      [x, y, across, height],
      [x + width - across, y, across, height],
    ];
  };
}
