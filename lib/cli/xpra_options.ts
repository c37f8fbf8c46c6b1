/**
 * The options of `xpra attach` that a user may give: those about windows and keyboard are handed on, those about
 * channels are refused. Any other word with a dash does not count as xpra's.
 */

import names from "./xpra_options.json" with { type: "json" };
import { inputError } from "../base/errors.ts";
import { channels } from "../channels/table.ts";

/** The options that are handed on, of xpra 5 and 6. */
export const xpraOptionNames: readonly string[] = names;

/** The options that are refused, each with the channel that it is about. */
const channelOf: ReadonlyMap<string, string> = new Map([
  ...["clipboard", "clipboard-direction"].map((option) => [option, "clipboard"] as const),
  ...channels.flatMap(({ name, xpraOptions = [] }) => xpraOptions.map((option) => [option, name] as const)),
]);

/**
 * Whether a word is an option that is handed on to xpra.
 *
 * @param forApp the end of a hint: what to type if the word is for the app
 * @throws {UserError} exit code 2 for one about a channel, and for one without its value
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
