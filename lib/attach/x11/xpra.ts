/** The two ends of xpra: command line and environment of the client on the host and of the server in the container. */

import type { ChannelName } from "../../channels/table.ts";
import type { WindowsOptions } from "../display/display.ts";
import type { XScreen } from "./screen.ts";

/**
 * The command line of a client.
 *
 * @param options `socket`: the guard's; `pixels`: the file for them, which is there already; undefined when they come
 * through the socket; `dpi`: the host's dots per inch; `userOptions` come last and win
 */
export function clientArgv(
  { socket, pixels, open, dpi, border, userOptions }:
    & { socket: string; pixels: string | undefined; dpi: number }
    & Pick<WindowsOptions, "open" | "border" | "userOptions">,
): string[] {
  return [
    "xpra",
    "attach",
    `socket:${socket}`,
    // Nothing of xpra's own around the app's windows.
    "--splash=no",
    "--headerbar=no",
    "--tray=no",
    "--opengl=no",
    "--reconnect=no",
    // By default, the server can have the client enlarge all windows, up to eight times (6.5.5).
    "--desktop-scaling=off",
    // xpra takes a colon for the end of the path.
    `--mmap=${pixels === undefined || pixels.includes(":") ? "no" : pixels}`,
    "--mmap-group=no",
    // The guard takes packets apart, and reads none that are compressed.
    "--compressors=none",
    "--packet-encoders=rencodeplus",
    ...plainPixels,
    "--video-decoders=none",
    `--dpi=${dpi}`,
    // The guard has put the container's name in front.
    "--title=@title@",
    ...channelOptions(open),
    // Drawn in the window, over the app's own picture: where the desktop draws a frame, only if the user has chosen it.
    ...(border.isAlways ? [`--border=${border.colour},${border.width}`] : []),
    ...userOptions,
  ];
}

/**
 * Without the file, pixels come through the socket uncompressed. On one machine, compression only costs time. From
 * another one compressed pictures come to the guard, which decodes them: the client gets plain pixels there, too.
 */
const plainPixels = ["--encodings=rgb", "--csc-modules=none"];

/**
 * What the server sends over a network: JPEGs, which the guard decodes, see `guard/xpra/pictures.ts`, and pixels as they
 * are once they stand still.
 */
const compressedPixels = ["--encodings=rgb,jpeg", "--csc-modules=none"];

/**
 * The options of the server. It uses an X server that runs already and the listening socket that systemd hands over,
 * starts one app and ends with it.
 *
 * @param options `sockets`: where sockets and files for pixels are, in the container; `crossesNetwork`: the
 * client is on another machine
 */
export function serverArgv(
  options: { open: ReadonlySet<ChannelName>; screen: XScreen; sockets: string; crossesNetwork: boolean },
): string[] {
  return [
    "--exit-with-children=yes",
    "--use-display=yes",
    "--daemon=no",
    "--bind=none",
    "--attach=no",
    "--systemd-run=no",
    "--mdns=no",
    "--html=off",
    "--http=no",
    "--ssh-upgrade=no",
    "--rfb-upgrade=no",
    "--splash=no",
    "--dbus-launch=",
    // The session has one of its own.
    "--pulseaudio=no",
    "--input-method=none",
    "--sharing=yes",
    // With brotli, xpra 6.5.5 compresses what is copied whatever the client takes. xpra info and control need lz4.
    "--compressors=lz4",
    // The X server has this size from the start: xpra 6.5.5 takes half a second to change it.
    `--resize-display=${options.screen.width}x${options.screen.height}`,
    `--dpi=${options.screen.dpi}`,
    // Also over a network, where no client has such a file: with "no", no client can connect to the server (6.5.5).
    `--mmap=${options.sockets}`,
    ...(options.crossesNetwork ? compressedPixels : plainPixels),
    "--video-encoders=none",
    ...channelOptions(options.open),
  ];
}

/**
 * How long an app may take to give what was copied in it, in milliseconds: until it answers, for all pieces of what is
 * large, and as the other end waits. With xpra 6.5.5's own times, what is pasted is empty when an app needs 0.1 s to
 * answer, as for a large picture, or a second for the rest. 5 s is the most that xpra takes.
 */
const clipboardTimes = {
  XPRA_CLIPBOARD_CONVERT_TIMEOUT: "4500",
  XPRA_CLIPBOARD_INCR_TIMEOUT: "4500",
  XPRA_CLIPBOARD_REMOTE_TIMEOUT: "5000",
};

/** The server's environment: settings for which xpra has no option. */
export const serverEnvironment: Readonly<Record<string, string>> = {
  ...clipboardTimes,
  // xpra collects changes of the picture before it sends them, in milliseconds. On a local socket the user only feels
  // the delay; over a network, what xpra 6.5.5 chooses by itself is too much: 5 frames/s at 100 Mbit/s. It still sends
  // less when answers come late.
  XPRA_BATCH_MAX_DELAY: "16",
  XPRA_BATCH_MIN_DELAY: "1",
  XPRA_BATCH_START_DELAY: "1",
  // Without this, xpra 6.5.5 takes a JPEG of the best quality where it is to send a picture without loss.
  XPRA_TRUE_LOSSLESS: "1",
  // A window has the size that the X server reports. The size in WM_NORMAL_HINTS is obsolete (ICCCM 4.1.2.3): xterm's
  // is the size of one letter until its window is shown, and on a busy machine xpra 6.5.5 made the window that small.
  XPRA_SIZEHINTS_SIZE: "0",
  // xpra 6.5.5 runs "xpra wminfo", and waits for it, to ask the display for the bus of an earlier server: ours is new,
  // and loading xpra once more took as long as the rest of its start. The app does not see this.
  XPRA_COMMAND: "false",
};

/**
 * The client's environment: no socket to control it, no SSH agent, no power events, for which xpra has no option.
 *
 * @param uuid identifies this client to the server. Each client of a session needs its own: a second one with the same
 * uuid ends the first. xpra's own uuid identifies user and machine: two containers could find out that they have
 * the same user
 */
export function clientEnvironment(uuid: string): Record<string, string> {
  return {
    ...clipboardTimes,
    XPRA_USER_UUID: uuid,
    // Also where the display is Xwayland's: menus and positions are right over X only. xpra 6.5.5 would not start at
    // all in the box.
    GDK_BACKEND: "x11",
    // How long the client waits for an answer while the container and the session start, in seconds.
    XPRA_EXTRA_TIMEOUT: "180",
    XPRA_CLIENT_BIND_SOCKETS: "0",
    XPRA_SSH_AGENT: "0",
    XPRA_POWER_EVENTS: "0",
    // No window moves with the one to which it belongs: the guard does not see that, and it would take the title off
    // the screen. Types that the guard lets pass are not among these; xpra 6.5.5 warns of an empty list.
    XPRA_FOLLOW_WINDOW_TYPES: "DND",
    // A popup of the container cannot make the client grab the keyboard, and the client starts no helper process for
    // each process of the container.
    XPRA_OR_FORCE_GRAB: "",
    XPRA_SIGNAL_WATCHER: "0",
  };
}

/**
 * What no channel opens: what comes in other ways, control of one end by the other, logging to the other end, and
 * cameras. The guard also keeps the server from controlling the client: xpra 5's client has no option against that.
 */
const alwaysClosed = [
  ...["--notifications=no", "--open-url=no", "--forward-xdg-open=no", "--file-transfer=no", "--open-files=no"],
  ...["--printing=no", "--audio=no", "--speaker=disabled", "--microphone=disabled"],
  ...["--remote-logging=no", "--start-new-commands=no", "--dbus-control=no", "--webcam=no"],
];

/** The options with which both ends of xpra open the open channels that xpra carries, and close all else. */
export function channelOptions(open: ReadonlySet<ChannelName>): string[] {
  const [isIn, isOut] = [open.has("clipboard-in"), open.has("clipboard-out")];
  const direction = isIn && isOut ? "both" : isIn ? "to-server" : "to-client";
  return [
    ...(isIn || isOut ? ["--clipboard=yes", `--clipboard-direction=${direction}`] : ["--clipboard=no"]),
    `--system-tray=${open.has("tray") ? "yes" : "no"}`,
    ...alwaysClosed,
  ];
}
