/** The channels between an app and the host, which preset opens which, and what that means for both ends of xpra. */

import { inputError } from "../base/errors.ts";

/** What can pass between the app and the host besides its windows, keys and pointer. */
export const channelNames = [
  "clipboard-in",
  "clipboard-out",
  "sound",
  "microphone",
  "webcam",
  "notifications",
  "links",
  "files",
  "printing",
  "tray",
] as const;

/** A channel: `clipboard-in` is host to app, `clipboard-out` app to host. */
export type Channel = (typeof channelNames)[number];

const presets: Readonly<Record<string, readonly Channel[]>> = {
  isolated: [],
  desktop: ["clipboard-in", "clipboard-out", "sound"],
  trusted: channelNames.filter((channel) => channel !== "microphone" && channel !== "webcam"),
};

/** The names of the presets. */
export const presetNames: readonly string[] = Object.keys(presets);

/**
 * The open channels for `--preset`, `--allow` and `--deny`; the last word is with `deny`.
 *
 * @param options `allow` and `deny` are names by commas; `clipboard` means both directions
 * @throws {UserError} exit code 2 for an unknown name
 */
export function openChannels(
  { preset = "desktop", allow = "", deny = "" }: {
    preset?: string | undefined;
    allow?: string | undefined;
    deny?: string | undefined;
  },
): Set<Channel> {
  const base = Object.hasOwn(presets, preset) ? presets[preset] : undefined;
  if (!base) throw inputError(`There is no preset "${preset}"`, `Use one of ${presetNames.join(", ")}`);
  const open = new Set(base);
  for (const channel of parseNames(allow)) open.add(channel);
  for (const channel of parseNames(deny)) open.delete(channel);
  return open;
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
 * One line that says which channels are open, and which options of the user's own contradict that: those win.
 *
 * @param userOptions options of `xpra attach`, behind ours
 */
export function channelLine(open: ReadonlySet<Channel>, userOptions: readonly string[] = []): string {
  const both = open.has("clipboard-in") && open.has("clipboard-out");
  const names = channelNames.filter((channel) => open.has(channel) && !(both && channel === "clipboard-out"))
    .map((channel) => both && channel === "clipboard-in" ? "clipboard" : channel);
  const ours = channelOptions(open, "client");
  const against = userOptions.filter((option) => {
    const name = option.split("=")[0]!;
    return !ours.includes(option) && ours.some((own) => own.split("=")[0] === name);
  });
  const line = `Open channels: ${names.join(", ") || "none"}`;
  return against.length === 0 ? line : `${line}; but your options for xpra win: ${against.join(" ")}`;
}

/** The options that open and close the channels, of xpra's client on the host or of its server in the container. */
export function channelOptions(open: ReadonlySet<Channel>, end: "client" | "server"): string[] {
  const yes = (channel: Channel): string => open.has(channel) ? "yes" : "no";
  const audio = (channel: "sound" | "microphone"): string => open.has(channel) ? "on" : "disabled";
  const clipboardIn = open.has("clipboard-in");
  const clipboardOut = open.has("clipboard-out");
  const direction = clipboardIn && clipboardOut ? "both" : clipboardIn ? "to-server" : "to-client";
  const anyAudio = open.has("sound") || open.has("microphone");
  return [
    `--clipboard=${clipboardIn || clipboardOut ? "yes" : "no"}`,
    ...(clipboardIn || clipboardOut ? [`--clipboard-direction=${direction}`] : []),
    `--audio=${anyAudio ? "yes" : "no"}`,
    `--speaker=${audio("sound")}`,
    `--microphone=${audio("microphone")}`,
    `--webcam=${end === "client" && open.has("webcam") ? "auto" : yes("webcam")}`,
    `--notifications=${yes("notifications")}`,
    `--open-url=${yes("links")}`,
    `--file-transfer=${yes("files")}`,
    "--open-files=no",
    `--printing=${yes("printing")}`,
    `--system-tray=${yes("tray")}`,
    // Closed whatever the preset: control of one end by the other, and its log.
    "--remote-logging=no",
    "--start-new-commands=no",
    "--dbus-control=no",
    ...(end === "client" ? ["--control=no"] : [
      `--pulseaudio=${anyAudio ? "yes" : "no"}`,
      `--forward-xdg-open=${yes("links")}`,
    ]),
  ];
}
