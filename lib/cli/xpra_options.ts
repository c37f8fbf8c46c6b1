/**
 * The options of `xpra attach` that a user may give, in this one place: those about windows and keyboard are handed on,
 * those about what passes besides are not. Any other word with a dash is not xpra's.
 */

import names from "./xpra_options.json" with { type: "json" };
import { inputError } from "../base/errors.ts";
import { channels } from "../channels/table.ts";

/** Those that are handed on, as xpra 5 and 6 know them. */
export const xpraOptionNames: readonly string[] = names;

/** Those about what passes, with the channel in whose place each stands. */
const channelOf: ReadonlyMap<string, string> = new Map([
  ...["clipboard", "clipboard-direction"].map((option) => [option, "clipboard"] as const),
  ...channels.flatMap(({ name, xpraOptions = [] }) => xpraOptions.map((option) => [option, name] as const)),
]);

/**
 * Whether a word is an option that is handed on to xpra.
 *
 * @param forApp the end of a hint: what to type if the word is for the app
 * @throws {UserError} exit code 2 for one about what passes, and for one without its value
 */
export function isXpraOption(word: string, forApp = ""): boolean {
  const [, name = "", value] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
  const channel = channelOf.get(name);
  if (channel !== undefined && value !== undefined) {
    throw inputError(
      `"${word}" is not handed on to xpra: channels are opened and closed by name`,
      `Use --allow ${channel} or --deny ${channel}${forApp}`,
    );
  }
  if (!xpraOptionNames.includes(name)) return false;
  if (value !== undefined) return true;
  throw inputError(`"${word}" is an option of xpra, and lacks its value`, `Write it as one word: ${word}=…${forApp}`);
}
