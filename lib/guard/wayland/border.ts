/**
 * A border that the guard draws on each window of the container's that the desktop gives no frame: four strips of a
 * colour on its edges, over what the app shows there. GNOME draws no frames, and GTK apps ask none for theirs.
 */

import type { WaylandObject } from "./connection.ts";
import type { ArgumentValue } from "./messages.ts";

/** A message of the guard's own, in the same direction: to one of the objects that both ends know. */
export interface Addition {
  /** For whom it is. */
  object: WaylandObject;
  /** Without its interface's name. */
  name: string;
  /** Its arguments. */
  values: readonly ArgumentValue[];
}

/** Makes an object that the compositor knows, and the app does not. */
export type Create = (type: string) => WaylandObject;

/** What borders look like. */
export interface Border {
  /** Red, green and blue, each up to 255. */
  colour: readonly [red: number, green: number, blue: number];
  /** In pixels of the desktop. */
  width: number;
  /** Also on windows that the desktop gives a frame. */
  isAlways: boolean;
}

/** A part of a surface. */
export type SurfaceArea = readonly [x: number, y: number, width: number, height: number];

/** The borders of the windows of one connection. Each function gives the messages that bring about what it is for. */
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
  /** What all strips need. */
  let common: Record<typeof needed[number] | "buffer" | "region", WaylandObject> | undefined;

  const colour = border.colour.map((value) => value * 0x101_0101);
  const edges = edgesOf(border.width);

  const begin = (): Addition[] | undefined => {
    if (common) return [];
    const from = registry();
    const numbers = needed.map(numberOf);
    if (!from || numbers.includes(undefined)) return undefined;
    const globals = needed.map(create);
    const [compositor, subcompositor, viewporter, pixels] = globals as [
      WaylandObject,
      WaylandObject,
      WaylandObject,
      WaylandObject,
    ];
    const [buffer, region] = [create("wl_buffer"), create("wl_region")];
    common = {
      wl_compositor: compositor,
      wl_subcompositor: subcompositor,
      wp_viewporter: viewporter,
      wp_single_pixel_buffer_manager_v1: pixels,
      buffer,
      region,
    };
    return [
      ...needed.map((name, index) => ({
        object: from,
        name: "bind",
        values: [numbers[index]!, name, 1, globals[index]!.hostId],
      })),
      { object: pixels, name: "create_u32_rgba_buffer", values: [buffer.hostId, ...colour, 2 ** 32 - 1] },
      { object: compositor, name: "create_region", values: [region.hostId] },
    ];
  };

  const makeStrip = (parent: WaylandObject): { strip: Strip; messages: Addition[] } => {
    const { wl_compositor, wl_subcompositor, wp_viewporter, buffer, region } = common!;
    const [surface, subsurface, viewport] = [create("wl_surface"), create("wl_subsurface"), create("wp_viewport")];
    return {
      strip: { surface, subsurface, viewport },
      messages: [
        { object: wl_compositor, name: "create_surface", values: [surface.hostId] },
        {
          object: wl_subcompositor,
          name: "get_subsurface",
          values: [subsurface.hostId, surface.hostId, parent.hostId],
        },
        { object: wp_viewporter, name: "get_viewport", values: [viewport.hostId, surface.hostId] },
        // The pointer is the app's.
        { object: surface, name: "set_input_region", values: [region.hostId] },
        { object: surface, name: "attach", values: [buffer.hostId, 0, 0] },
        { object: surface, name: "damage", values: [0, 0, everything, everything] },
      ],
    };
  };

  const remove = (surface: WaylandObject): Addition[] => {
    const { strips = [] } = borders.get(surface) ?? {};
    borders.delete(surface);
    return strips.flatMap(({ surface, subsurface, viewport }) =>
      [viewport, subsurface, surface].map((object) => ({ object, name: "destroy", values: [] }))
    );
  };

  return {
    place(surface, part) {
      if (!part) return remove(surface);
      const known = borders.get(surface);
      if (known && part.every((value, index) => value === known.part[index])) return [];
      const messages = begin();
      if (!messages) return [];
      const made = known ? [] : edges(part).map(() => makeStrip(surface));
      const strips = known?.strips ?? made.map(({ strip }) => strip);
      borders.set(surface, { strips, part });
      return [
        ...messages,
        ...made.flatMap(({ messages }) => messages),
        ...edges(part).flatMap(([x, y, width, height], index) => {
          const { surface, subsurface, viewport } = strips[index]!;
          return [
            { object: subsurface, name: "set_position", values: [x, y] },
            { object: viewport, name: "set_destination", values: [width, height] },
            { object: surface, name: "commit", values: [] },
          ];
        }),
      ];
    },
    raise: (surface, other) =>
      (borders.get(surface)?.strips ?? []).map(({ subsurface }) => ({
        object: subsurface,
        name: "place_above",
        values: [other.hostId],
      })),
  };
}

/** Gives the four strips of a border. */
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

/** The border that a container has by its name: in a full colour, where the desktop draws no frame. */
export function borderFor(name: string): Border {
  let hash = 2_166_136_261;
  for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0)!, 16_777_619) >>> 0;
  const hue = hash % 360;
  const channel = (shift: number): number => {
    const at = (hue / 30 + shift) % 12;
    const share = 0.42 - 0.42 * Math.max(-1, Math.min(at - 3, 9 - at, 1));
    return Math.round(share * 255);
  };
  return { colour: [channel(0), channel(8), channel(4)], width: 4, isAlways: false };
}
