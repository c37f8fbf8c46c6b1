/** What a command line asks for when it shows or starts a session. */

import { inputError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import type { ContainerBorder } from "../container/border.ts";
import type { Opening } from "../channels/destinations.ts";
import { displayNames } from "./displays.ts";
import type { ChannelName } from "../channels/table.ts";

export const displayWords = ["auto", ...displayNames] as const;

export type DisplayWord = (typeof displayWords)[number];

/**
 * The value of `--display`, else of `$GUI_CONTAINER_DISPLAY`, else `auto`.
 *
 * @throws {UserError} exit code 2 for an unknown one
 */
export function wantedDisplay(host: Pick<Host, "env">, option: string | undefined): DisplayWord {
  const wanted = option ?? host.env("GUI_CONTAINER_DISPLAY") ?? "auto";
  const word = displayWords.find((each) => each === wanted);
  if (word !== undefined) return word;
  throw inputError(
    `Unknown display "${wanted}"`,
    `Use ${displayWords.join(", ")}, with --display or $GUI_CONTAINER_DISPLAY`,
  );
}

export interface ShowRequest {
  /** The session's name, if the user gives one. */
  session: string | undefined;
  display: DisplayWord;
  open: ReadonlySet<ChannelName>;
  /** For how long the channels with a time limit are open, in milliseconds. */
  times?: ReadonlyMap<ChannelName, number> | undefined;
  /** The channels whose every use the user is asked about. */
  asks: ReadonlySet<ChannelName>;
  /** Where the settings are written that open channels, and that no option replaces. */
  channelsFrom?: readonly string[];
  /** Where links and files open; undefined: on this host. */
  opening?: Opening | undefined;
  /** The container's border from now on; undefined: as before. */
  border: ContainerBorder | "auto" | undefined;
  /** The user's own options of `xpra attach`. */
  userOptions: readonly string[];
  /** Runs the client in a box. */
  box: boolean;
  /** The container is removed when the session is no longer shown. */
  isDisposable?: boolean;
}

export interface StartRequest extends ShowRequest {
  app: readonly string[];
  /** Starts it without its windows. */
  detached: boolean;
  /** The files that are lent to the app in a copy of the container. */
  files?: readonly string[];
  /** Joins any session in which the app runs, whatever its channels and display. */
  joinsAny?: boolean;
  /** Whether it opens something: an address stands in the app's place, or a web address after `--`. */
  isOpening?: boolean;
}
