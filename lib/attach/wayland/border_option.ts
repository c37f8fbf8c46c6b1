/** The option `--border` on Wayland, where the guard draws borders, in the form that xpra knows. */

import type { Border } from "../../guard/wayland/border.ts";

/** Colours by the names that CSS has for them. */
const named: Readonly<Record<string, string>> = {
  black: "000000",
  blue: "0000ff",
  brown: "a52a2a",
  cyan: "00ffff",
  gray: "808080",
  green: "008000",
  magenta: "ff00ff",
  orange: "ffa500",
  pink: "ffc0cb",
  purple: "800080",
  red: "ff0000",
  white: "ffffff",
  yellow: "ffff00",
};

/** xpra's own width, and its largest, in pixels. */
const usualWidth = 5;
const maxWidth = 45;

/** The border that an option asks for, such as `--border=red,5` or `--border=#ff0000`; undefined for any other. */
export function borderOption(option: string): Border | undefined {
  const [, name, digits, width = `${usualWidth}`] =
    /^--border=(?:([a-z]+)|#([0-9a-f]{6}))(?:,(\d{1,2}))?$/i.exec(option) ?? [];
  const hex = digits ?? named[name?.toLowerCase() ?? ""];
  if (hex === undefined || Number(width) < 1 || Number(width) > maxWidth) return undefined;
  const [red, green, blue] = hex.match(/../g)!.map((byte) => parseInt(byte, 16)) as [number, number, number];
  return { colour: [red, green, blue], width: Number(width), isAlways: true };
}
