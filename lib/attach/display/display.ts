/** The interface of a display of the host's, as sessions in containers use it. Each is in the directory of its name. */

import { UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import type { ContainerBorder } from "../../container/border.ts";
import type { Container } from "../../container/container.ts";
import type { ChannelName } from "../../channels/table.ts";
import type { SessionEnd } from "../session/outcome.ts";
import type { StartRequest } from "../../settings/request.ts";

/** A display of the host's that can show the windows of sessions. */
export interface Display {
  /**
   * Checks that it can show what is asked for, as far as that is known before anything is touched.
   *
   * @param why why no better display shows it, as the end of a sentence, where that is worth telling
   * @throws {CannotShow} when another display may
   * @throws {UserError} when none can
   */
  check(container: Pick<Container, "host" | "crossesNetwork">, request: DisplayRequest, why?: string): void;
  /** Finds out early what {@linkcode Display.open} needs to know about the host, besides boxes; errors are left to that. */
  prepare?(host: Host): Promise<unknown>;
  /** Patterns of the files in a container that a session on this display reads before its first window. */
  preload: readonly string[];
  /** Starts what shows the windows of a session of this container, which then waits for one. */
  open(container: Container, options: WindowsOptions): Promise<DisplayWindows>;
}

export type DisplayRequest = Pick<StartRequest, "display" | "userOptions" | "detached" | "box">;

export interface WindowsOptions
  extends Pick<StartRequest, "open" | "times" | "userOptions" | "box" | "detached" | "isDisposable"> {
  border: ContainerBorder;
  app?: readonly string[];
  /** Aborts when a channel that is open is closed. Default: none is. */
  closing?: (channel: ChannelName) => AbortSignal;
  /** As for {@linkcode Display.check}. */
  why?: string | undefined;
}

/** The windows of a session, before there are any. What shows them ends with the scope of this value, unless it stays. */
export interface DisplayWindows extends AsyncDisposable {
  /** What the user is told about them, after the open channels. */
  note: string;
  /** Which part of the session outlives the run that shows it. */
  outlivesRun: "nothing" | "session" | "windows";
  /** The container's end of what shows them, for a new session. */
  serverEnd(): Promise<ServerEnd>;
  /** Shows a session, a second time only after the connection to it was lost. */
  show(session: string): Promise<void>;
  /** Closes directions of the clipboard which would outlive the run; by default, none does. */
  closeClipboard?(session: string, channels: readonly ChannelName[]): Promise<void>;
  /**
   * Resolves when the windows are gone.
   *
   * @throws when the run is to end, unless that has ended the windows; and what has ended the session with them
   */
  ended(session: string): Promise<SessionEnd>;
}

/** The container's end of what shows a session. */
export interface ServerEnd {
  program: string;
  /** The error for a container without that program. */
  missing(cause: unknown): UserError;
  /** The script that prepares it, before the apps learn of the portals, and the one that becomes it. */
  scripts: readonly [begin: string, end: string];
  /** Values in front of these. */
  values: Readonly<Record<string, string>>;
  environment: Readonly<Record<string, string>>;
  words: readonly string[];
  /** The host's end that it connects to, and waits for; undefined where it makes its own socket. */
  hostEnd?: {
    /** The base name of the socket at which the host's end listens. The session gives it its own name. */
    transport: string;
    /** Resolves when it does. Nothing is started if it rejects. */
    ready: Promise<unknown>;
  };
}

/** A display cannot show what is asked for; another one may, unless the user insists. */
export class CannotShow extends UserError {
  override name = "CannotShow";
  /**
   * `reason`: why, as the end of a sentence. `exitCode`: {@linkcode ExitCode.usage} only when nothing was touched;
   * `output`: what another program printed.
   */
  constructor(
    what: string,
    readonly reason: string,
    options: { hint: string; exitCode?: number; output?: string; cause?: unknown },
  ) {
    super(`${what}: ${reason}`, options);
  }
}
