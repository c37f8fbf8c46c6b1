/** The pieces of borders: plates and strips, each a subsurface of one colour that the guard adds to an app's surface. */

import { type Box, rectangleOf } from "./boxes.ts";
import { maxInt } from "./messages.ts";
import type { Addition, Create, WaylandObject } from "./objects.ts";
import type { Registry } from "./registry.ts";

/** A plate or a strip. */
export interface Piece {
  surface: WaylandObject;
  subsurface: WaylandObject;
  viewport: WaylandObject;
}

/** The globals that pieces need, each bound at version 1. */
const needed = ["wl_compositor", "wl_subcompositor", "wp_viewporter", "wp_single_pixel_buffer_manager_v1"] as const;

/** What all pieces share: these globals, a buffer of one pixel and an empty region. */
const shared = [...needed, "wl_buffer", "wl_region"] as const;
type Shared = Readonly<Record<typeof shared[number], WaylandObject>>;

export interface Pieces {
  /** Whether there can be any: the compositor has each global that they need. */
  canBe(): boolean;
  /** Adds this many pieces to a surface. Returns them, and the requests that make them. */
  make(parent: WaylandObject, count: number): { made: Piece[]; requests: Addition[] };
  /** Returns the requests that put a piece in its place. `isOpen`: clicks on it go to what is below. */
  place(piece: Piece, area: Box, isOpen: boolean): Addition[];
  destroy(pieces: readonly Piece[]): Addition[];
}

/** Makes the pieces of a connection. `colour`: `#rrggbb`. */
export function createPieces(
  { create, registry, colour }: { create: Create; registry: Registry; colour: string },
): Pieces {
  let common: Shared | undefined;
  const channels = colour.match(/\w\w/g)!.map((byte) => parseInt(byte, 16) * 0x101_0101);

  const begin = (): Addition[] => {
    if (common) return [];
    const from = registry.object()!;
    const made = common = Object.fromEntries(shared.map((name) => [name, create(name)])) as Shared;
    return [
      ...needed.map((name): Addition => [from, "bind", registry.numberOf(name)!, name, 1, made[name]]),
      [made.wp_single_pixel_buffer_manager_v1, "create_u32_rgba_buffer", made.wl_buffer, ...channels, 2 ** 32 - 1],
      [made.wl_compositor, "create_region", made.wl_region],
    ];
  };
  return {
    canBe: () =>
      common !== undefined || registry.object() !== undefined && !needed.map(registry.numberOf).includes(undefined),
    make(parent, count) {
      const requests = begin();
      const { wl_compositor, wl_subcompositor, wp_viewporter, wl_buffer } = common!;
      const made = Array.from({ length: count }, (): Piece => {
        const surface = Object.assign(create("wl_surface"), { standsFor: parent });
        const [subsurface, viewport] = [create("wl_subsurface"), create("wp_viewport")];
        requests.push(
          [wl_compositor, "create_surface", surface],
          [wl_subcompositor, "get_subsurface", subsurface, surface, parent],
          [wp_viewporter, "get_viewport", viewport, surface],
          [surface, "attach", wl_buffer, 0, 0],
          [surface, "damage", 0, 0, maxInt, maxInt],
        );
        return { surface, subsurface, viewport };
      });
      return { made, requests };
    },
    place({ surface, subsurface, viewport }, area, isOpen) {
      const [x, y, width, height] = rectangleOf(area);
      return [
        [subsurface, "set_position", x, y],
        [viewport, "set_destination", width, height],
        [surface, "set_input_region", isOpen ? common!.wl_region : undefined],
        [surface, "commit"],
      ];
    },
    destroy: (pieces) =>
      pieces.flatMap(({ surface, subsurface, viewport }) =>
        [viewport, subsurface, surface].map((object): Addition => [object, "destroy"])
      ),
  };
}
