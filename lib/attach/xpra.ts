/** xpra's two ends: the argument lists of its client on the host and of its server in the container. */

import { type Channel, channelOptions } from "./channels.ts";
import { containerPaths } from "../container/ours.ts";

/** What a client is to show, and how. */
export interface ClientOptions {
  /** The session's socket. */
  socket: string;
  /** The container's name, for the windows' titles. */
  container: string;
  /** The channels that are open. */
  open: ReadonlySet<Channel>;
  /** The host's dots per inch; xpra's own guess when they are not known. */
  dpi?: number | undefined;
  /** Options of `xpra attach` that come last, and win. */
  userOptions: readonly string[];
}

/**
 * The client's command line for a session's socket.
 *
 * @param token what nobody can guess, for the name of the file through which pixels come. The client makes it new in the
 * directory of the socket, which the container can write to, and removes it when both have it open: an unknown name is
 * what keeps the container from putting a link to another file there before
 */
export function clientArgv(options: ClientOptions, token: string): string[] {
  const pixels = `${options.socket}${pixelsInfix}${token}`;
  return [
    "xpra",
    "attach",
    `socket:${options.socket}`,
    // Nothing of xpra's own around the app's windows.
    "--splash=no",
    "--headerbar=no",
    "--tray=no",
    "--opengl=no",
    "--reconnect=no",
    // xpra takes a colon for the end of a path.
    `--mmap=${pixels.includes(":") ? "no" : pixels}`,
    "--mmap-group=no",
    ...plainPixels,
    "--video-decoders=none",
    ...(options.dpi === undefined ? [] : [`--dpi=${options.dpi}`]),
    `--title=@title@ [${options.container}]`,
    ...channelOptions(options.open, "client"),
    ...options.userOptions,
  ];
}

/** What the name of a pixels' file has between the session's name, in which it cannot be, and its token. */
export const pixelsInfix = "~";

/** Pixels as they are, where they cannot come through a file: what a network would save is spent on codecs here. */
const plainPixels = ["--encodings=rgb", "--csc-modules=none"];

/**
 * The server's command line, without its display: on a display that is there already, on the listening socket that
 * systemd hands over, with one app, ending with it.
 */
export function serverArgv(options: { open: ReadonlySet<Channel>; dpi: number }): string[] {
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
    "--input-method=none",
    "--sharing=yes",
    // The X server has the size of the host's screen from the start.
    "--resize-display=no",
    `--dpi=${options.dpi}`,
    `--mmap=${containerPaths.xpra}`,
    ...plainPixels,
    "--video-encoders=none",
    ...channelOptions(options.open, "server"),
  ];
}

/** Variables of the server that options do not reach. */
export const serverEnvironment: Readonly<Record<string, string>> = {
  // xpra gathers damage as for a network; on a local socket the largest delay is what is felt.
  XPRA_BATCH_MAX_DELAY: "16",
  XPRA_BATCH_MIN_DELAY: "1",
  XPRA_BATCH_START_DELAY: "1",
  // A window has the size that the X server says. The size in WM_NORMAL_HINTS is obsolete (ICCCM 4.1.2.3): xterm's is that of
  // one letter until its window is shown, and on a busy machine xpra 6.5.5 made the window that small.
  XPRA_SIZEHINTS_SIZE: "0",
};

/**
 * Variables of the client that options do not reach: no socket to control it, no agent of SSH, no power events.
 *
 * @param uuid what the server knows this client by: a second one with the same would end the first. xpra's own tells the
 * user and the machine apart, and so tells containers what belongs together
 */
export function clientEnvironment(uuid: string): Record<string, string> {
  return {
    XPRA_USER_UUID: uuid,
    // The file of the pixels is a ring: what is larger than eight pictures of the screen only fills memory and disk. In bytes;
    // xpra's own is 2 GiB.
    XPRA_MMAP_MIN_SIZE: `${64 * 1024 * 1024}`,
    XPRA_MMAP_MAX_SIZE: `${256 * 1024 * 1024}`,
    XPRA_CLIENT_BIND_SOCKETS: "0",
    XPRA_SSH_AGENT: "0",
    XPRA_POWER_EVENTS: "0",
  };
}
