/** Adds the settings of a container to the options of a command line, which come before them. */

import { inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { engineOptions } from "../cli/options.ts";
import type { EngineOptions } from "../container/address.ts";
import { type ChannelName, openedKinds } from "../channels/table.ts";
import { askedChannels, openChannels, parseChannels, presetNames } from "./channels.ts";
import { listKeys, optionOf, type Setting, type Settings, settingsFor } from "./file.ts";

/** The options of a command line by name, and the settings. */
export interface Applied {
  /** The options, with those that the settings add. */
  values: ReadonlyMap<string, string>;
  /** The preset that limits which channels options can open, if one is set. */
  atMost: Setting | undefined;
  /** Where the settings are written that open channels or choose destinations, and that no option replaces. */
  from: readonly string[];
}

const channelKeys: readonly string[] = [...listKeys, "preset", "at-most", ...openedKinds];

/**
 * Adds settings to the options of a command line. The option `--preset` replaces what the settings open, by a preset or
 * one by one. The lists of channels add up, or `--deny sound` would open what the settings deny; but a channel that an
 * option names is left out of the settings' lists. Among these, which may come from several entries, `deny` comes
 * before `ask`, and `ask` before `allow`.
 */
export function applySettings(options: ReadonlyMap<string, string>, settings: Settings): Applied {
  const values = new Map(options);
  const lists = (keys: readonly string[], from: ReadonlyMap<string, string>): Set<ChannelName> =>
    new Set(keys.flatMap((key) => parseChannels(from.get(key) ?? "")));
  const named = lists(listKeys, options);
  const written = new Map([...settings].map(([key, { value }]) => [key, value]));
  const from: string[] = [];
  for (const [key, { value, from: place }] of settings) {
    const isList = listKeys.includes(key);
    const option = optionOf(key);
    if (values.has(option) && !isList || options.has("preset") && (key === "allow" || key === "ask")) continue;
    const stronger = key === "allow" ? ["deny", "ask"] : key === "ask" ? ["deny"] : [];
    const settled = named.union(lists(stronger, written));
    const added = isList ? [...new Set(parseChannels(value)).difference(settled)].join(",") : value;
    if (added === "") continue;
    const given = isList ? options.get(key) : undefined;
    if (key !== "at-most") values.set(option, given === undefined ? added : `${given},${added}`);
    if (channelKeys.includes(key)) from.push(place);
  }
  return { values, atMost: settings.get("at-most"), from };
}

/**
 * The channels that are open, and those that are asked for, within the limit of the settings.
 *
 * @param options those of the command line alone
 * @throws {UserError} exit code 2 when these open more than the settings allow
 */
export function limitedChannels(
  options: ReadonlyMap<string, string>,
  { values, atMost }: Pick<Applied, "values" | "atMost">,
): { open: Set<ChannelName>; asks: Set<ChannelName> } {
  const channels = { ask: values.get("ask"), allow: values.get("allow"), deny: values.get("deny") };
  const open = openChannels({ ...channels, preset: values.get("preset") });
  const asks = askedChannels(channels);
  if (atMost === undefined) return { open, asks };
  const limit = openChannels({ preset: atMost.value });
  const typed = { preset: options.get("preset") ?? "isolated", allow: options.get("allow"), ask: options.get("ask") };
  const [more] = openChannels({ ...typed, deny: options.get("deny") }).difference(limit);
  if (more !== undefined) {
    throw inputError(
      `The channel "${more}" stays closed: at most the preset "${atMost.value}" is set for this container`,
      `Leave the option out, or change ${atMost.from}`,
    );
  }
  return { open: open.intersection(limit), asks: asks.intersection(limit) };
}

/** The values of `--engine` and `--project`, else of a container's settings. */
export async function engineOptionsFor(
  host: Pick<Host, "env">,
  word: string | undefined,
  options: ReadonlyMap<string, string>,
): Promise<EngineOptions> {
  const settings: Settings = word === undefined ? new Map() : await settingsFor(host, word);
  return engineOptions(applySettings(options, settings));
}

/** The preset of a container's settings, or their limit if that is lower. */
export async function presetFor(host: Pick<Host, "env">, word: string): Promise<string> {
  const settings = await settingsFor(host, word);
  const [preset, atMost] = [settings.get("preset")?.value ?? "desktop", settings.get("at-most")?.value ?? "trusted"];
  return presetNames.find((name) => name === preset || name === atMost)!;
}

/** The end of the line about the open channels: where their settings are written, each file named once. */
export function setIn(channelsFrom: readonly string[] = []): string {
  const files = Map.groupBy(new Set(channelsFrom), (place) => place.slice(0, place.lastIndexOf(":") + 1));
  const places = [...files].map(([file, all]) => file + all.map((place) => place.slice(file.length)).join(", "));
  return places.length === 0 ? "" : ` (set in ${places.join(", ")})`;
}
