/** Which channels presets and options open, and how lists of channels are written. */

import { inputError } from "../base/errors.ts";
import { parseDuration } from "../cli/options.ts";
import { askableNames, type ChannelName, channelsWith } from "../channels/table.ts";

export const presetNames = ["isolated", "desktop", "trusted"] as const;

/** All channels. */
export const channelNames = channelsWith();

/** The words that a list of channels may contain. */
export const channelWords: readonly string[] = ["clipboard", ...channelNames];

/** The channels that a preset opens. */
function openedBy(preset: typeof presetNames[number]): Set<ChannelName> {
  return new Set(channelsWith(({ presets }) => presets.some((name) => name === preset)));
}

/** The options about channels; all but `preset` are lists, separated by commas. */
export type ChannelRequest = Partial<Record<"preset" | "ask" | "allow" | "deny", string | undefined>>;

/**
 * The open channels for `--preset`, `--ask`, `--allow` and `--deny`. A channel that is both allowed and denied is
 * closed.
 *
 * @param options `clipboard` means both directions. Channels that are asked for count as open, whatever the preset
 * @throws {UserError} exit code 2 for an unknown name
 */
export function openChannels(
  { preset = "desktop", ask = "", allow = "", deny = "" }: ChannelRequest,
): Set<ChannelName> {
  const known = presetNames.find((name) => name === preset);
  if (known === undefined) throw inputError(`There is no preset "${preset}"`, `Use one of ${presetNames.join(", ")}`);
  const open = openedBy(known);
  for (const channel of parseChannels(allow)) open.add(channel);
  for (const channel of parseChannels(deny)) open.delete(channel);
  for (const channel of askedChannels({ ask, allow, deny })) open.add(channel);
  return open;
}

/**
 * The channels of `--ask`: each use of them is asked for.
 *
 * @throws {UserError} exit code 2 for a channel that cannot be asked for, and for one that is also allowed or denied
 */
export function askedChannels({ ask = "", allow = "", deny = "" }: Omit<ChannelRequest, "preset">): Set<ChannelName> {
  const asked = parseChannels(ask);
  const settled = [...parseChannels(allow), ...parseChannels(deny)];
  for (const name of asked) {
    if (!askableNames.includes(name)) {
      throw inputError(`--ask does not support "${name}"`, `Use ${askableNames.join(", ")}`);
    }
    if (settled.includes(name)) {
      throw inputError(
        `The channel "${name}" is named by --ask, and by --allow or --deny`,
        "Name it in one of them only",
      );
    }
  }
  return new Set(asked);
}

/**
 * The channels of a list, separated by commas.
 *
 * @param names `clipboard` means both directions
 * @throws {UserError} exit code 2 for an unknown name
 */
export function parseChannels(names: string): ChannelName[] {
  return names.split(",").map((name) => name.trim()).filter(Boolean).flatMap((name): ChannelName[] => {
    if (name === "clipboard") return ["clipboard-in", "clipboard-out"];
    if (!channelNames.includes(name)) {
      throw inputError(`There is no channel "${name}"`, `Use ${channelWords.join(", ")}`);
    }
    return [name];
  });
}

/** Whether a text is a list of channels that {@linkcode parseChannels} accepts. */
export function isChannelList(text: string): boolean {
  return text.split(",").every((name) => name.trim() === "" || channelWords.includes(name.trim()));
}

/** The options of a command line that open these channels, and no others. */
export function channelArguments(open: ReadonlySet<ChannelName>, asked: ReadonlySet<ChannelName>): string[] {
  const asks = asked.intersection(open);
  const preset =
    (["trusted", "desktop"] as const).find((preset) => openedBy(preset).isSubsetOf(open.difference(asks))) ??
      "isolated";
  const list = (names: Iterable<ChannelName>): string => [...names].join(",");
  const rest = open.difference(asks).difference(openedBy(preset));
  return [
    ...(preset === "desktop" ? [] : [`--preset=${preset}`]),
    ...(rest.size > 0 ? [`--allow=${list(rest)}`] : []),
    ...(asks.size > 0 ? [`--ask=${list(asks)}`] : []),
  ];
}

/** Open channels as a session's record has them: separated by commas, with `?` after those that are asked for. */
export function recordChannels(open: ReadonlySet<ChannelName>, asks: ReadonlySet<ChannelName>): string {
  return channelNames.filter((channel) => open.has(channel))
    .map((channel) => asks.has(channel) ? `${channel}?` : channel).join(",");
}

/** Reads what {@linkcode recordChannels} has written. It was in a container, which may have changed it. */
export function recordedChannels(record: string): { open: Set<ChannelName>; asks: Set<ChannelName> } {
  const words = record.split(",");
  const asks = new Set(channelNames.filter((channel) => words.includes(`${channel}?`)));
  return { asks, open: new Set(channelNames.filter((channel) => asks.has(channel) || words.includes(channel))) };
}

/**
 * The line that shows the user which channels are open.
 *
 * @param asks the channels of `open` that are asked for
 */
export function channelLine(open: ReadonlySet<ChannelName>, asks: ReadonlySet<ChannelName> = new Set()): string {
  const names = channelNamesOf(open.difference(asks));
  const asked = channelNames.filter((channel) => asks.has(channel));
  return `Open channels: ${names.join(", ") || "none"}${asked.length > 0 ? `; asks: ${asked.join(", ")}` : ""}`;
}

/** The names of channels, with `clipboard` for both of its directions. */
export function channelNamesOf(channels: ReadonlySet<ChannelName>): string[] {
  const both = channels.has("clipboard-in") && channels.has("clipboard-out");
  return channelNames.filter((channel) => channels.has(channel) && !(both && channel === "clipboard-out"))
    .map((channel) => both && channel === "clipboard-in" ? "clipboard" : channel);
}

/**
 * Splits the list of `--allow` into names and times, as in `microphone:20m`: how long each of these channels is to be
 * open, in milliseconds. Of several times for a channel, the shortest counts.
 *
 * @throws {UserError} exit code 2 for an invalid time, and for a channel that cannot be closed again
 */
export function splitTimes(allow: string): { names: string; times: Map<ChannelName, number> } {
  const times = new Map<ChannelName, number>();
  const names = allow.split(",").map((word) => {
    const [name = "", ...time] = word.trim().split(":");
    if (time.length === 0) return name;
    const ms = parseDuration(time.join(":"));
    for (const channel of parseChannels(name)) {
      checkCanClose(channel);
      times.set(channel, Math.min(ms, times.get(channel) ?? Infinity));
    }
    return name;
  });
  return { names: names.join(","), times };
}

/**
 * Checks that a channel can be closed while its session runs.
 *
 * @throws {UserError} exit code 2 when it cannot
 */
export function checkCanClose(channel: ChannelName): void {
  if (!channelsWith(({ lasts }) => lasts === "session").includes(channel)) return;
  throw inputError(
    `The channel "${channel}" cannot be closed later: the apps are told of it when their session starts`,
    `Start the session with --deny=${channel}`,
  );
}
