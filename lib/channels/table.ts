/** The table of the channels: what passes between an app and the host besides windows, keys and pointer. */

import type { Host } from "../base/host.ts";
import type { Channel, ChannelFacts } from "./interface.ts";

/** A row for each, in the order in which users see them: its folder has the rest. */
export const channels: readonly ChannelFacts[] = [
  { name: "clipboard-in", presets: ["desktop", "trusted"], lasts: "windows" },
  { name: "clipboard-out", presets: ["desktop", "trusted"], lasts: "windows" },
  {
    name: "sound",
    presets: ["desktop", "trusted"],
    lasts: "windows",
    xpraOptions: ["audio", "speaker"],
    load: () => import("./sound/host.ts"),
  },
  { name: "look", presets: ["desktop", "trusted"], lasts: "session", load: () => import("./look/host.ts") },
  { name: "dialogs", presets: ["desktop", "trusted"], load: () => import("./dialogs/host.ts") },
  {
    name: "microphone",
    presets: [],
    isAskable: true,
    xpraOptions: ["microphone"],
    load: () => import("./microphone/host.ts"),
  },
  {
    name: "notifications",
    presets: ["trusted"],
    isAskable: true,
    xpraOptions: ["notifications"],
    load: () => import("./notifications/host.ts"),
  },
  {
    name: "links",
    presets: ["trusted"],
    isAskable: true,
    opens: "Where links of the apps open: host (the default), a container's name, disposable:NAME, or ask",
    xpraOptions: ["forward-xdg-open", "open-url"],
    load: () => import("./links/host.ts"),
  },
  {
    name: "files",
    presets: ["trusted"],
    isAskable: true,
    opens: "Where files open that apps hand over: the same; host: in your downloads",
    xpraOptions: ["file-transfer", "open-files"],
    load: () => import("./files/host.ts"),
  },
  {
    name: "printing",
    presets: ["trusted"],
    isAskable: true,
    xpraOptions: ["printing"],
    load: () => import("./printing/host.ts"),
  },
  {
    name: "sign",
    presets: [],
    isAskable: true,
    setting: [/^(?:SHA256:[\w+/]{43}(?:,|$))+$/, "SHA256:… as ssh-add -l prints it, with commas between"],
    load: () => import("./sign/host.ts"),
  },
  {
    name: "tray",
    presets: ["trusted"],
    xpraOptions: ["system-tray"],
    load: () => import("./tray/host.ts"),
  },
];

/** The name of one of them. */
export type ChannelName = string;

/** The names of the channels for which a condition holds; by default, of all. */
export function channelsWith(holds: (facts: ChannelFacts) => unknown = () => true): readonly ChannelName[] {
  return channels.filter(holds).map(({ name }) => name);
}

/** The channels that `--ask` supports. */
export const askableNames: readonly ChannelName[] = channelsWith(({ isAskable }) => isAskable);

/** The channels whose destination can be chosen: keys of the settings, and options with `-to` appended. */
export const openedKinds: readonly ChannelName[] = channelsWith(({ opens }) => opens);

/** A channel that is open, with its loaded code. */
export type OpenChannel = ChannelFacts & Channel;

/** Loads the open channels, except those that the guards alone implement. */
export async function loadOpen(open: ReadonlySet<ChannelName>): Promise<OpenChannel[]> {
  const wanted = channels.filter(({ name, load }) => load && open.has(name));
  return await Promise.all(wanted.map(async (facts) => ({ ...facts, ...(await facts.load!()).channel })));
}

/** The open channels that the session's agent serves, and why this host cannot serve others. */
export async function servedBy(
  host: Pick<Host, "run">,
  open: ReadonlySet<ChannelName>,
): Promise<{ channels: OpenChannel[]; why: string[] }> {
  const loaded = (await loadOpen(open)).filter(({ agent }) => agent);
  const whys = await Promise.all(loaded.map((channel) => channel.whyNot?.(host)));
  return {
    channels: loaded.filter((_, index) => whys[index] === undefined),
    why: whys.filter((why) => why !== undefined),
  };
}
