/** xpra's two ends: the argument lists of its client on the host and of its server in the container. */

import { type Channel, channelOptions } from "./channels.ts";

/** The client's command line for a session's socket. */
export function clientArgv(
  options: { socket: string; container: string; open: ReadonlySet<Channel>; userOptions: readonly string[] },
): string[] {
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
    "--mmap=no",
    `--title=@title@ [${options.container}]`,
    ...channelOptions(options.open, "client"),
    ...options.userOptions,
  ];
}

/**
 * The server's command line, without its display: on a display that is there already, on the listening socket that
 * systemd hands over, with one app, ending with it.
 */
export function serverArgv(options: { open: ReadonlySet<Channel> }): string[] {
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
