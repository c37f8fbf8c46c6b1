/**
 * The host's screens, as an app sees them: how large they are, and not which. Makers, models and serial numbers, which
 * compositors put into names and descriptions, would tell containers that they belong to the same user.
 */

import { areaOf, type Size } from "../limits.ts";
import type { Message, WaylandObject } from "./connection.ts";
import type { MessageVerdict } from "./policy.ts";

/** A screen of which not enough is known. */
const minScreen: Size = { width: 1024, height: 768 };
/** So many pixels all screens together have at least. */
const minPixels = 1920 * 1080;

interface Output {
  name: string;
  /** In its own pixels. */
  mode?: Size;
  isTurned: boolean;
  /** How many of its own pixels make one of the desktop's; 0: the app has not asked for it. */
  scale: number;
  /** In pixels of the desktop. */
  logical?: Size;
}

/** The screens that a connection knows. */
export interface Outputs {
  /** By the names of messages. */
  handlers: Record<string, (message: Message) => MessageVerdict | undefined | void>;
  /** The app binds one, by the number of its global. */
  bind(output: WaylandObject, number: number): void;
  /** A global is gone. */
  remove(number: number): void;
  /** The sizes of the screens, in pixels of the desktop, as popups are. */
  sizes(): Size[];
  /** How many pixels of their own they have. */
  pixels(): number;
}

/** No screens yet. */
export function createOutputs(): Outputs {
  /** By the numbers of their globals: an app may bind one as often as it likes. */
  const outputs = new Map<number, Output>();
  const named = new WeakMap<WaylandObject, Output>();
  let count = 0;

  const rename = ({ object }: Message): MessageVerdict => ({ values: [named.get(object)!.name] });
  const numbers = (message: Message): number[] => message.values as number[];
  return {
    handlers: {
      "wl_output.geometry": (message) => {
        const [x, y, width, height, subpixel, , , transform] = numbers(message) as [number, number, ...number[]];
        named.get(message.object)!.isTurned = transform! % 2 === 1;
        return { values: [x, y, width!, height!, subpixel!, "", "", transform!] };
      },
      "wl_output.mode": (message) => {
        const [flags, width, height] = numbers(message) as [number, number, number];
        const isCurrent = (flags & 1) === 1;
        if (isCurrent) named.get(message.object)!.mode = { width, height };
      },
      "wl_output.scale": (message) => void (named.get(message.object)!.scale = Math.max(1, numbers(message)[0]!)),
      "wl_output.name": rename,
      "wl_output.description": rename,
      "zxdg_output_manager_v1.get_xdg_output": ({ objects: [made, output] }) =>
        void named.set(made!, named.get(output!)!),
      "zxdg_output_v1.logical_size": (message) => {
        const [width, height] = numbers(message) as [number, number];
        named.get(message.object)!.logical = { width, height };
      },
      "zxdg_output_v1.name": rename,
      "zxdg_output_v1.description": rename,
    },
    bind(object, number) {
      const found = outputs.get(number) ?? { name: `screen-${++count}`, isTurned: false, scale: 0 };
      // The first version of it says nothing of a scale, all others do where it is not 1.
      if (object.version > 1) found.scale ||= 1;
      outputs.set(number, found);
      named.set(object, found);
    },
    remove: (number) => void outputs.delete(number),
    sizes: () => outputs.size === 0 ? [minScreen] : [...outputs.values()].map(sizeOf),
    pixels: () =>
      Math.max(minPixels, [...outputs.values()].reduce((sum, { mode }) => sum + (mode ? areaOf(mode) : 0), 0)),
  };
}

function sizeOf({ mode, isTurned, scale, logical }: Output): Size {
  if (logical) return logical;
  if (!mode || scale === 0) return minScreen;
  const [across, down] = isTurned ? [mode.height, mode.width] : [mode.width, mode.height];
  return { width: Math.floor(across / scale), height: Math.floor(down / scale) };
}
