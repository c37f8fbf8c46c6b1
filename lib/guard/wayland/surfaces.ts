/**
 * The surfaces of a connection: which objects belong to each, the pointer and drag icons, and subsurfaces. What an app
 * puts on a surface (`contents.ts`) is shown once it is committed (`commits.ts`).
 */

import { maxPointerSide, maxSide, type Size } from "../limits.ts";
import { sizeOf, zeroSize } from "./boxes.ts";
import { type CommitOptions, Commits, maxShadow } from "./commits.ts";
import { createContents } from "./contents.ts";
import { dropped, type Handler, type Part, type Verdict, type WaylandObject } from "./objects.ts";
import { Surface } from "./surface.ts";

export interface Surfaces extends Part {
  /** The surface that an object is or belongs to. */
  of(object: WaylandObject): Surface;
  /** Links an object to its surface: a window, popup, viewport or subsurface. */
  link(object: WaylandObject, to: WaylandObject): void;
  /** Makes a surface the pointer or a drag icon. */
  setRole(object: WaylandObject | undefined, role: "pointer" | "drag"): Verdict<never> | undefined;
}

/** Makes the surfaces of a connection. `bufferSize`: the size of a buffer. */
export function createSurfaces(
  { bufferSize, ...options }: CommitOptions & { bufferSize(buffer: WaylandObject): Size },
): Surfaces {
  const surfaces = new WeakMap<WaylandObject, Surface>();
  const of = (object: WaylandObject): Surface => surfaces.get(object)!;
  const link = (object: WaylandObject, to: WaylandObject): void => void surfaces.set(object, of(to));
  const commits = new Commits(options);
  const setRole: Surfaces["setRole"] = (object, role) => {
    const surface = object && of(object);
    if (!surface) return undefined;
    surface.role ??= role;
    const box = surface.extent();
    const isLarge = surface.isTooLarge({ ...surface.pending ?? zeroSize, scale: surface.scale }) ||
      box && surface.isTooLarge(sizeOf(box));
    return isLarge ? dropped : undefined;
  };
  const setPointer: Handler<"wl_pointer.set_cursor" | "zwp_tablet_tool_v2.set_cursor"> = (
    { args: { surface, hotspot_x, hotspot_y } },
  ) => {
    const isFar = [hotspot_x, hotspot_y].some((at) => at < 0 || at > maxPointerSide);
    return isFar ? dropped : setRole(surface, "pointer");
  };
  return {
    of,
    link,
    setRole,
    handlers: {
      "wl_compositor.create_surface": ({ args: { id } }) =>
        void surfaces.set(id, new Surface(id, options.session.addWork)),
      "wl_surface.commit": ({ object }) => commits.commit(of(object)),
      ...createContents(of, bufferSize),
      "wp_viewporter.get_viewport": ({ args: { id, surface } }) => link(id, surface),
      "wl_subcompositor.get_subsurface": ({ args: { id, surface, parent } }) => {
        link(id, surface);
        of(surface).join(of(parent));
      },
      "wl_subsurface.set_position": ({ object, args }) => {
        const [x, y] = [args.x, args.y].map((at) => Math.max(-maxShadow, Math.min(maxSide, at))) as [number, number];
        of(object).places[2] = { left: x, top: y, right: x, bottom: y };
        return x !== args.x || y !== args.y ? { args: { x, y } } : undefined;
      },
      "wl_subsurface.set_sync": ({ object }) => void (of(object).isSync = true),
      "wl_subsurface.set_desync": ({ object }) => commits.desync(of(object)),
      "wl_pointer.set_cursor": setPointer,
      "zwp_tablet_tool_v2.set_cursor": setPointer,
      "xdg_wm_base.get_xdg_surface": ({ args: { id, surface } }) => link(id, surface),
      "xdg_surface.set_window_geometry": ({ object, args: { x, y, width, height } }) => {
        const found = of(object);
        found.named = found.geometry = { left: x, top: y, right: x + width, bottom: y + height };
        found.told = [x, y, width, height];
      },
    },
    ended(object) {
      // An object that a refused message has created belongs to no surface.
      const found = surfaces.get(object);
      if (!found) return;
      if (found.object === object || object.type.name === "wl_subsurface") {
        commits.forget(found);
        found.parent?.parts.delete(found);
        found.parent = undefined;
      }
      if (found.object === object) {
        commits.setPicture(found, zeroSize);
      } else if (found.shell === object) {
        for (const key of ["shell", "geometry", "named", "guards", "whole", "seen", "told"] as const) delete found[key];
      } else if (["xdg_toplevel", "xdg_popup"].includes(object.type.name)) {
        // Until it is a window or a popup again, a commit would be a protocol error.
        delete found.whole;
      }
    },
  };
}
