/**
 * The channels between an app and the host: which presets open each of them, and how xpra's two ends open and close it.
 */

import { inputError } from "../../base/errors.ts";
import { type AskableChannel, askableNames, type Channel } from "../../guard/channel.ts";

export { type AskableChannel, askableNames, type Channel } from "../../guard/channel.ts";

/** The names of the presets. */
export const presetNames = ["isolated", "desktop", "trusted"] as const;

/** An option of xpra that a channel sets. */
interface Setting {
  /** Its value when the channel is open. */
  open: string;
  /** Its value when no channel that sets it is open; without one, the option is left out. */
  closed?: string;
}

/** What a channel is. */
interface ChannelRow {
  /** The presets that open it, each by its name. No other preset does. */
  presets: readonly (typeof presetNames)[number][];
  /** xpra's options for it at both ends, by their names. */
  both?: Readonly<Record<string, Setting>>;
  /** xpra's options for it at the server only. */
  server?: Readonly<Record<string, Setting>>;
}

const yesNo: Setting = { open: "yes", closed: "no" };

const channels: Readonly<Record<Channel, ChannelRow>> = {
  "clipboard-in": {
    presets: ["desktop", "trusted"],
    both: { "clipboard": yesNo, "clipboard-direction": { open: "to-server" } },
  },
  "clipboard-out": {
    presets: ["desktop", "trusted"],
    both: { "clipboard": yesNo, "clipboard-direction": { open: "to-client" } },
  },
  "sound": { presets: ["desktop", "trusted"] },
  "look": { presets: ["desktop", "trusted"] },
  "dialogs": { presets: ["desktop", "trusted"] },
  "microphone": { presets: [] },
  "notifications": { presets: ["trusted"], both: { "notifications": yesNo } },
  "links": { presets: ["trusted"], both: { "open-url": yesNo }, server: { "forward-xdg-open": yesNo } },
  "files": { presets: ["trusted"], both: { "file-transfer": yesNo } },
  "printing": { presets: ["trusted"], both: { "printing": yesNo } },
  "tray": { presets: ["trusted"], both: { "system-tray": yesNo } },
};

/** The names of the channels. */
export const channelNames = Object.keys(channels) as readonly Channel[];

/**
 * What no channel opens: control of one end by the other, logging to the other end, files that open by themselves, sound
 * and cameras. The guard also keeps the server from controlling the client: xpra 5's client has no option against that.
 */
const alwaysClosed = [
  ...["--open-files=no", "--remote-logging=no", "--start-new-commands=no", "--dbus-control=no", "--audio=no"],
  ...["--speaker=disabled", "--microphone=disabled", "--webcam=no"],
];

/** The channels of a table whose rows name the preset. */
export function channelsOfPreset<Name extends string>(
  preset: string,
  table: Readonly<Record<Name, { presets: readonly string[] }>>,
): Name[] {
  return (Object.keys(table) as Name[]).filter((name) => table[name].presets.includes(preset));
}

/** The options of a command line that are about channels; the lists are names with commas between them. */
export interface ChannelWish {
  /** `--preset`; default: `desktop`. */
  preset?: string | undefined;
  /** `--ask`. */
  ask?: string | undefined;
  /** `--allow`. */
  allow?: string | undefined;
  /** `--deny`. */
  deny?: string | undefined;
}

/**
 * The open channels for `--preset`, `--ask`, `--allow` and `--deny`. A channel that is both allowed and denied is
 * closed.
 *
 * @param options `clipboard` means both directions. Channels that are asked for count as open, whatever the preset
 * @throws {UserError} exit code 2 for an unknown name
 */
export function openChannels({ preset = "desktop", ask = "", allow = "", deny = "" }: ChannelWish): Set<Channel> {
  if (!presetNames.some((known) => known === preset)) {
    throw inputError(`There is no preset "${preset}"`, `Use one of ${presetNames.join(", ")}`);
  }
  const open = new Set(channelsOfPreset(preset, channels));
  for (const channel of parseNames(allow)) open.add(channel);
  for (const channel of parseNames(deny)) open.delete(channel);
  for (const channel of askedChannels({ ask, allow, deny })) open.add(channel);
  return open;
}

/**
 * The channels of `--ask`: each use of them is asked for.
 *
 * @throws {UserError} exit code 2 for a channel that cannot be asked for, and for one that is allowed or denied as well
 */
export function askedChannels({ ask = "", allow = "", deny = "" }: Omit<ChannelWish, "preset">): Set<AskableChannel> {
  const settled = new Set([...parseNames(allow), ...parseNames(deny)]);
  return new Set(
    parseNames(ask).map((name) => {
      const channel = askableNames.find((known) => known === name);
      if (channel === undefined) {
        throw inputError(`Nobody can be asked at each use of "${name}"`, `Use ${askableNames.join(", ")}`);
      }
      if (settled.has(channel)) {
        throw inputError(
          `The channel "${channel}" is named by --ask, and by --allow or --deny`,
          "Name it by one of them",
        );
      }
      return channel;
    }),
  );
}

function parseNames(names: string): Channel[] {
  return names.split(",").map((name) => name.trim()).filter(Boolean).flatMap((name): Channel[] => {
    if (name === "clipboard") return ["clipboard-in", "clipboard-out"];
    const channel = channelNames.find((known) => known === name);
    if (!channel) throw inputError(`There is no channel "${name}"`, `Use clipboard, ${channelNames.join(", ")}`);
    return [channel];
  });
}

/**
 * The line that tells the user which channels are open, and which of the user's own options contradict that.
 *
 * @param userOptions options of `xpra attach` that come behind ours, and win
 * @param asks the channels of `open` that are asked for
 */
export function channelLine(
  open: ReadonlySet<Channel>,
  userOptions: readonly string[] = [],
  asks: ReadonlySet<Channel> = new Set(),
): string {
  const both = open.has("clipboard-in") && open.has("clipboard-out");
  const names = channelNames.filter((channel) =>
    open.has(channel) && !asks.has(channel) && !(both && channel === "clipboard-out")
  )
    .map((channel) => both && channel === "clipboard-in" ? "clipboard" : channel);
  const ours = channelOptions(open, "client");
  const against = userOptions.filter((option) => {
    const name = option.split("=")[0]!;
    return !ours.includes(option) && ours.some((own) => own.split("=")[0] === name);
  });
  const asked = channelNames.filter((channel) => asks.has(channel));
  const line = `Open channels: ${names.join(", ") || "none"}${asked.length > 0 ? `; asks: ${asked.join(", ")}` : ""}`;
  return against.length === 0 ? line : `${line}; overridden by your options for xpra: ${against.join(" ")}`;
}

/** The options that open the open channels and close all others, for one end of xpra. */
export function channelOptions(open: ReadonlySet<Channel>, end: "client" | "server"): string[] {
  const settings = channelNames.flatMap((channel) => {
    const { both, server } = channels[channel];
    return Object.entries({ ...both, ...(end === "server" ? server : {}) })
      .map(([option, setting]) => ({ option, closed: setting.closed, open: open.has(channel) ? [setting.open] : [] }));
  });
  const options = Object.entries(Object.groupBy(settings, ({ option }) => option)).flatMap(
    ([option, settings = []]) => {
      const values = new Set(settings.flatMap(({ open }) => open));
      // Only the two directions of the clipboard differ.
      const value = values.size > 1 ? "both" : [...values][0] ?? settings[0]?.closed;
      return value === undefined ? [] : [`--${option}=${value}`];
    },
  );
  return [...options, ...alwaysClosed];
}

/**
 * The channels that are open once the user's options for xpra have overridden ours.
 *
 * @param userOptions options of `xpra attach`: one of them opens a channel if we would pass the same option to open it
 */
export function withOptions(open: ReadonlySet<Channel>, userOptions: readonly string[]): Set<Channel> {
  const ours = channelOptions(open, "client");
  return new Set(
    channelNames.filter((channel) =>
      open.has(channel) ||
      channelOptions(new Set([...open, channel]), "client").some((option) =>
        userOptions.includes(option) && !ours.includes(option)
      )
    ),
  );
}
