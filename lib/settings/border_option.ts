/** The option `--border`, as xpra spells its values. */

import colours from "./css_colours.json" with { type: "json" };
import { inputError } from "../base/errors.ts";
import type { ContainerBorder } from "../container/border.ts";

/** Colours by their names in CSS. */
const named: Readonly<Record<string, string>> = colours;

/** The words that are offered as its value. */
export const borderWords = ["auto", ...Object.keys(named)] as const;

/** xpra's default and largest width, in pixels. */
const usualWidth = 5;
const maxWidth = 45;

/**
 * The border that the value of `--border` asks for, such as `red,5`, `#ff0000` or `auto`.
 *
 * @throws {UserError} exit code 2 for another one
 */
export function parseBorder(value: string): ContainerBorder | "auto" {
  if (value === "auto") return "auto";
  const [, name, digits, width = `${usualWidth}`] = /^(?:([a-z]+)|#([0-9a-f]{6}))(?:,(\d{1,2}))?$/i.exec(value) ?? [];
  const known = name !== undefined && Object.hasOwn(named, name.toLowerCase()) ? named[name.toLowerCase()] : undefined;
  const hex = digits ?? known;
  if (hex !== undefined && Number(width) >= 1 && Number(width) <= maxWidth) {
    return { colour: `#${hex.toLowerCase()}`, width: Number(width), isAlways: true };
  }
  throw inputError(
    `"${value}" is not a border`,
    `Write a colour (${Object.keys(named).join(", ")}, #RRGGBB), and a width if you like: red,5; or auto`,
  );
}
