/**
 * A border that the guard draws on each window of the container's that the desktop gives no frame: four strips of a
 * colour on its edges, over what the app shows there. GNOME draws no frames, and GTK apps ask none for theirs.
 */

import type { WaylandObject } from "./connection.ts";
import type { ArgumentValue } from "./messages.ts";

/**
 * A message of the guard's own, in the same direction: to one of the objects that both ends know. Its name is without
 * the interface's.
 */
export type Addition = readonly [object: WaylandObject, name: string, ...values: ArgumentValue[]];

/** Makes an object that the compositor knows, and the app does not. */
export type Create = (type: string) => WaylandObject;

/** What borders look like. */
export interface Border {
  /** As `#rrggbb`. */
  colour: string;
  /** In pixels of the desktop. */
  width: number;
  /** Also on windows that the desktop gives a frame. */
  isAlways: boolean;
}

/** A part of a surface. */
export type SurfaceArea = readonly [x: number, y: number, width: number, height: number];

/** The borders of the windows of one connection. Each function returns the messages that do what it says. */
export interface Borders {
  /** Puts one on the edges of a part of a surface, before the surface is committed; undefined takes it away. */
  place(surface: WaylandObject, part: SurfaceArea | undefined): Addition[];
  /** The app has put another surface on top of one, and over its border. */
  raise(surface: WaylandObject, other: WaylandObject): Addition[];
}

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
 * @param registry the one of the app, as soon as it has one
 * @param numberOf the number of a global
 */
export function createBorders(
  { border, create, registry, numberOf }: {
    border: Border;
    create: Create;
    registry(): WaylandObject | undefined;
    numberOf(global: string): number | undefined;
  },
): Borders {
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
      ...needed.map((name, index): Addition => [from, "bind", numbers[index]!, name, 1, made[name].hostId]),
      [made.wp_single_pixel_buffer_manager_v1, "create_u32_rgba_buffer", made.wl_buffer.hostId, ...colour, 2 ** 32 - 1],
      [made.wl_compositor, "create_region", made.wl_region.hostId],
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
      [wl_compositor, "create_surface", surface.hostId],
      [wl_subcompositor, "get_subsurface", subsurface.hostId, surface.hostId, parent.hostId],
      [wp_viewporter, "get_viewport", viewport.hostId, surface.hostId],
      // The pointer is the app's.
      [surface, "set_input_region", wl_region.hostId],
      [surface, "attach", wl_buffer.hostId, 0, 0],
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

  return {
    place(surface, part) {
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
    },
    raise: (surface, other) =>
      (borders.get(surface)?.strips ?? []).map(({ subsurface }) => [subsurface, "place_above", other.hostId]),
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
