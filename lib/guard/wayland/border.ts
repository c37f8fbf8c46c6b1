/**
 * The guard's mark on each window and popup of the container: coloured strips around the window and, where its picture
 * reaches farther, around the picture too, so that the outermost line is always the guard's. (Told that they are tiled,
 * GTK 3 and 4, libadwaita and Firefox draw no shadow, but keep 20 transparent pixels in its place: the line stays, and
 * libadwaita's windows no longer choose their sizes.) The desktop's window is larger than the app's by the border: the
 * guard translates the sizes that each side is told. A plate of the same colour lies below the window geometry: an app
 * cannot make a hole in its window through which the user sees or clicks a window of the host. A click on plate or
 * border does nothing (`border_input.ts`), except where the app shows something below the border, such as a shadow that
 * resizes its window when dragged.
 */

import { createBorderedSizes } from "./bordered_sizes.ts";
import { createPieces, type Piece } from "./border_pieces.ts";
import { type Box, contains, grown, isSameBox, overlap, unionOf } from "./boxes.ts";
import type { Addition, Create, Part, WaylandObject } from "./objects.ts";
import type { Registry } from "./registry.ts";
import type { WaylandSession } from "./session.ts";
import { borderedPart, type Surface } from "./surface.ts";
import type { Surfaces } from "./surfaces.ts";

/**
 * The width of the line around a popup, and of the one around a window's shadow (besides its border), in desktop
 * pixels.
 */
const lineWidths = { popup: 2, shadow: 1 };

export interface Borders extends Part {
  /** The width of a surface's border, in desktop pixels; 0 for popups and without a border. */
  widthOf(surface: Surface): number;
}

/** Makes the borders of a connection. There are none if the compositor lacks a global that they need. */
export function createBorders(
  { session: { border, now }, create, registry, surfaces }: {
    session: WaylandSession;
    create: Create;
    registry: Registry;
    surfaces: Surfaces;
  },
): Borders {
  const borders = new Map<WaylandObject, { own: readonly Piece[]; seen: Box; below: Box; whole: Box }>();
  const pieces = createPieces({ create, registry, colour: border.colour });
  const widthOf: Borders["widthOf"] = ({ role }) => role === "window" && pieces.canBe() ? border.width : 0;
  const sizes = createBorderedSizes({ surfaces, widthOf, now });
  const remove = (surface: WaylandObject): Addition[] => {
    const { own = [] } = borders.get(surface) ?? {};
    borders.delete(surface);
    return pieces.destroy(own);
  };
  /** Puts a border on a surface before its commit, or removes it from a surface that shows nothing. */
  const place = (found: Surface): Addition[] => {
    const { object, role, whole, geometry = whole } = found;
    const seen = pieces.canBe() ? borderedPart(found) : undefined;
    if (!seen || !whole) return remove(object);
    // The window geometry, including parts that are not shown yet.
    const below = unionOf(seen, overlap(whole, geometry!));
    const known = borders.get(object);
    if (known && known.whole === whole && isSameBox(known.seen, seen) && isSameBox(known.below, below)) return [];
    const areas = areasOf(seen, { below, whole, width: role === "popup" ? undefined : border.width });
    const before = known?.own ?? [];
    const kept = before.slice(0, areas.length);
    const { made, requests } = pieces.make(object, areas.length - kept.length);
    const own = [...kept, ...made];
    borders.set(object, { own, seen, below, whole });
    requests.push(...pieces.destroy(before.slice(areas.length)));
    if (!known) requests.push([own[plateAt]!.subsurface, "place_below", object]);
    for (const [index, area] of areas.entries()) {
      requests.push(...pieces.place(own[index]!, area, index !== plateAt && contains(whole, area)));
    }
    return requests;
  };

  return {
    widthOf,
    handlers: {
      ...sizes.handlers,
      "wl_surface.commit": ({ object }) => {
        const found = surfaces.of(object);
        if (found.role !== "window" && found.role !== "popup") return undefined;
        const before = [...place(found), ...found.role === "window" ? sizes.tellGeometry(found) : []];
        return before.length > 0 ? { before } : undefined;
      },
      "wl_surface.destroy": ({ object }) => ({ before: remove(object) }),
      // A new subsurface would cover the border: put the border above it.
      "wl_subcompositor.get_subsurface": ({ args: { surface, parent } }) => ({
        after: (borders.get(parent)?.own ?? []).filter((_, index) => index !== plateAt)
          .map(({ subsurface }) => [subsurface, "place_above", surface]),
      }),
    },
  };
}

/** The index of the plate among a window's pieces: after its border, before the line around its shadow. */
const plateAt = 4;

/** The areas of a surface's pieces. `below`: what the plate covers; `width`: that of a window's border. */
function areasOf(
  seen: Box,
  { below, whole, width }: { below: Box; whole: Box; width: number | undefined },
): readonly Box[] {
  const shown = unionOf(seen, whole);
  if (width === undefined) return [...edgesOf(shown, lineWidths.popup), below];
  // Unlike other compositors, sway shows nothing beyond the window geometry.
  const isBeyond = !contains(grown(seen, width), whole);
  return [
    ...edgesOf(seen, width),
    grown(below, width),
    ...isBeyond ? edgesOf(grown(shown, width - lineWidths.shadow), lineWidths.shadow) : [],
  ];
}

/** The four strips around a box. */
function edgesOf(box: Box, thickness: number): Box[] {
  const { left, top, right, bottom } = box;
  const outer = grown(box, thickness);
  return [{ ...outer, bottom: top }, { ...outer, top: bottom }, { ...outer, right: left }, { ...outer, left: right }];
}
