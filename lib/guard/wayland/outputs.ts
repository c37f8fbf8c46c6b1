/**
 * The host's screens, as an app sees them: their sizes, but not their identities. Compositors put makers, models and
 * serial numbers into names and descriptions, by which containers could tell that they belong to the same user.
 */

import { areaOf, type Size } from "../limits.ts";
import type { Part, WaylandObject } from "./objects.ts";

/** The size of a screen that is not known yet. */
const minScreen: Size = { width: 1024, height: 768 };
/** The least number of pixels of all screens together. */
const minPixels = 1920 * 1080;

interface Output {
  name: string;
  /** In its own pixels. */
  mode?: Size;
  isTurned: boolean;
  /** How many of its pixels make one desktop pixel; 0: unknown, since the app has bound only version 1. */
  scale: number;
  /** In pixels of the desktop. */
  logical?: Size;
}

/**
 * Makes the screens of a connection; there are none yet.
 *
 * @returns `sizes`: the sizes of the screens, in desktop pixels, as for popups; `pixels`: the most pixels that apps draw
 * to fill all screens, including removed ones: what was drawn for them stays
 */
export function createOutputs(): Part & { sizes(): Size[]; pixels(): number } {
  /** By the numbers of their globals. */
  const outputs = new Map<number, Output>();
  const named = new WeakMap<WaylandObject, Output>();
  let count = 0;
  let max = minPixels;
  const pixels = (): number =>
    max = Math.max(max, [...outputs.values()].reduce((sum, each) => sum + pixelsOf(each), 0));

  const nameOf = (object: WaylandObject): string => named.get(object)!.name;
  return {
    handlers: {
      // An app may bind a screen as often as it likes.
      "wl_registry.bind": ({ args: { name, interface: bound, id: output } }) => {
        if (bound !== "wl_output") return;
        const found = outputs.get(name) ?? { name: `screen-${++count}`, isTurned: false, scale: 0 };
        // Version 1 has no scale event; later versions send it where it is not 1.
        if (output.version > 1) found.scale ||= 1;
        outputs.set(name, found);
        named.set(output, found);
      },
      "wl_registry.global_remove": ({ args: { name } }) => {
        pixels();
        outputs.delete(name);
      },
      "wl_output.geometry": ({ object, args: { transform } }) => {
        named.get(object)!.isTurned = transform % 2 === 1;
        return { args: { make: "", model: "" } };
      },
      "wl_output.mode": ({ object, args: { flags, width, height } }) => {
        // The first bit: it is the current one.
        if ((flags & 1) === 1) named.get(object)!.mode = { width, height };
      },
      "wl_output.scale": ({ object, args: { factor } }) => void (named.get(object)!.scale = Math.max(1, factor)),
      "wl_output.name": ({ object }) => ({ args: { name: nameOf(object) } }),
      "wl_output.description": ({ object }) => ({ args: { description: nameOf(object) } }),
      "zxdg_output_manager_v1.get_xdg_output": ({ args: { id, output } }) => void named.set(id, named.get(output)!),
      "zxdg_output_v1.logical_size": ({ object, args: { width, height } }) =>
        void (named.get(object)!.logical = { width, height }),
      "zxdg_output_v1.name": ({ object }) => ({ args: { name: nameOf(object) } }),
      "zxdg_output_v1.description": ({ object }) => ({ args: { description: nameOf(object) } }),
    },
    sizes: () => outputs.size === 0 ? [minScreen] : [...outputs.values()].map(logicalSizeOf),
    pixels,
  };
}

/** An app without fractional scale draws for the next integer scale. */
function pixelsOf({ mode, scale, logical }: Output): number {
  return Math.max(mode ? areaOf(mode) : 0, logical ? areaOf(logical) * scale ** 2 : 0);
}

function logicalSizeOf({ mode, isTurned, scale, logical }: Output): Size {
  if (logical) return logical;
  if (!mode || scale === 0) return minScreen;
  const [across, down] = isTurned ? [mode.height, mode.width] : [mode.width, mode.height];
  return { width: Math.floor(across / scale), height: Math.floor(down / scale) };
}
