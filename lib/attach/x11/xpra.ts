/** Command lines and environments of xpra's client on the host and its server in the container. */

import type { ChannelName } from "../../channels/table.ts";
import type { WindowsOptions } from "../display/display.ts";
import type { XScreen } from "./screen.ts";

/**
 * The command line of a client.
 *
 * @param options `socket`: the guard's; `pixels`: the existing file for pixels; undefined if they come through the
 * socket; `dpi`: the host's dots per inch; `userOptions`: last, so that they win
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
    // No windows, icons or decorations of xpra itself.
    "--splash=no",
    "--headerbar=no",
    "--tray=no",
    "--opengl=no",
    "--reconnect=no",
    // By default, the server can make the client enlarge all windows up to eight times (6.5.5).
    "--desktop-scaling=off",
    // xpra ends the path at a colon.
    `--mmap=${pixels === undefined || pixels.includes(":") ? "no" : pixels}`,
    "--mmap-group=no",
    // The guard parses packets, and cannot read compressed ones.
    "--compressors=none",
    "--packet-encoders=rencodeplus",
    ...plainPixels,
    "--video-decoders=none",
    `--dpi=${dpi}`,
    // The guard has already prefixed the container's name.
    "--title=@title@",
    ...channelOptions(open),
    // The desktop's frame is enough, unless the user has chosen a border.
    ...(border.isAlways ? [`--border=${border.colour},${border.width}`] : []),
    ...userOptions,
  ];
}

/**
 * Without the file, pixels come through the socket uncompressed. On one machine, compression only costs time. From
 * another machine, the guard receives compressed pictures and decodes them, so that the client gets plain pixels too.
 */
const plainPixels = ["--encodings=rgb", "--csc-modules=none"];

/**
 * For a server that sends over a network: JPEGs, which the guard decodes (see `guard/xpra/pictures.ts`), and lossless
 * pixels once the picture stands still.
 */
const compressedPixels = ["--encodings=rgb,jpeg", "--csc-modules=none"];

/**
 * The options of the server. It uses a running X server and the listening socket that systemd passes, starts one app
 * and exits with it.
 *
 * @param options `sockets`: the directory of sockets and files for pixels, in the container; `crossesNetwork`: whether
 * the client is on another machine
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
    // The session has its own PulseAudio.
    "--pulseaudio=no",
    "--input-method=none",
    "--sharing=yes",
    // With brotli, xpra 6.5.5 compresses clipboard data even if the client does not support it. xpra info and control
    // need lz4.
    "--compressors=lz4",
    // The X server already has this size: xpra 6.5.5 takes half a second to change it.
    `--resize-display=${options.screen.width}x${options.screen.height}`,
    `--dpi=${options.screen.dpi}`,
    // Even over a network, where clients have no such file: with "no", no client can connect (6.5.5).
    `--mmap=${options.sockets}`,
    ...(options.crossesNetwork ? compressedPixels : plainPixels),
    "--video-encoders=none",
    ...channelOptions(options.open),
  ];
}

/**
 * How long an app may take to deliver clipboard data, in milliseconds: for its answer, for all pieces of large data,
 * and how long the other end waits. With xpra 6.5.5's defaults, a paste is empty if an app needs 0.1 s to answer, as
 * for a large picture, or a second for the rest. 5 s is xpra's maximum.
 */
const clipboardTimes = {
  XPRA_CLIPBOARD_CONVERT_TIMEOUT: "4500",
  XPRA_CLIPBOARD_INCR_TIMEOUT: "4500",
  XPRA_CLIPBOARD_REMOTE_TIMEOUT: "5000",
};

/** The server's environment: settings that have no option in xpra. */
export const serverEnvironment: Readonly<Record<string, string>> = {
  ...clipboardTimes,
  // How long xpra collects changes of the picture before it sends them, in milliseconds. On a local socket, the user
  // only feels the delay; over a network, xpra 6.5.5's own choice is too long: 5 frames/s at 100 Mbit/s. It still sends
  // less when answers come late.
  XPRA_BATCH_MAX_DELAY: "16",
  XPRA_BATCH_MIN_DELAY: "1",
  XPRA_BATCH_START_DELAY: "1",
  // Without this, xpra 6.5.5 uses a JPEG of the best quality for a lossless picture.
  XPRA_TRUE_LOSSLESS: "1",
  // Use a window's size from the X server. The size in WM_NORMAL_HINTS is obsolete (ICCCM 4.1.2.3): xterm's is that of
  // one letter until its window is shown, and on a busy machine xpra 6.5.5 made the window that small.
  XPRA_SIZEHINTS_SIZE: "0",
  // xpra 6.5.5 runs "xpra wminfo", and waits for it, to find the bus of an earlier server on the display: ours is new,
  // and loading xpra again took as long as the rest of its start. The app does not get this variable.
  XPRA_COMMAND: "false",
};

/**
 * The client's environment: settings that have no option in xpra, such as no control socket, SSH agent and power
 * events.
 *
 * @param uuid identifies this client to the server. Each client of a session needs its own: a second one with the same
 * uuid ends the first. xpra's default uuid identifies user and machine, by which two containers could find out that
 * they have the same user
 */
export function clientEnvironment(uuid: string): Record<string, string> {
  return {
    ...clipboardTimes,
    XPRA_USER_UUID: uuid,
    // Even on Xwayland: menus and positions are right only over X, and over Wayland xpra 6.5.5 would not start in the
    // box.
    GDK_BACKEND: "x11",
    // How long the client waits for an answer while container and session start, in seconds.
    XPRA_EXTRA_TIMEOUT: "180",
    XPRA_CLIENT_BIND_SOCKETS: "0",
    XPRA_SSH_AGENT: "0",
    XPRA_POWER_EVENTS: "0",
    // No window follows a move of its parent: the guard would not see that, and it could move the title off the screen.
    // The guard passes no window of this type; xpra 6.5.5 warns about an empty list.
    XPRA_FOLLOW_WINDOW_TYPES: "DND",
    // Popups of the container cannot make the client grab the keyboard, and the client starts no helper process for
    // each process of the container.
    XPRA_OR_FORCE_GRAB: "",
    XPRA_SIGNAL_WATCHER: "0",
  };
}

/**
 * Options for what no channel opens: features that this program provides in other ways, control of one end by the
 * other, remote logging, and webcams. The guard also prevents the server from controlling the client: xpra 5's client
 * has no option against that.
 */
const alwaysClosed = [
  ...["--notifications=no", "--open-url=no", "--forward-xdg-open=no", "--file-transfer=no", "--open-files=no"],
  ...["--printing=no", "--audio=no", "--speaker=disabled", "--microphone=disabled"],
  ...["--remote-logging=no", "--start-new-commands=no", "--dbus-control=no", "--webcam=no"],
];

/** The options by which both ends of xpra enable the open channels that xpra carries, and disable everything else. */
export function channelOptions(open: ReadonlySet<ChannelName>): string[] {
  const [isIn, isOut] = [open.has("clipboard-in"), open.has("clipboard-out")];
  const direction = isIn && isOut ? "both" : isIn ? "to-server" : "to-client";
  return [
    ...(isIn || isOut ? ["--clipboard=yes", `--clipboard-direction=${direction}`] : ["--clipboard=no"]),
    `--system-tray=${open.has("tray") ? "yes" : "no"}`,
    ...alwaysClosed,
  ];
}
