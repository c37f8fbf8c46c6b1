/** The interface of the host's displays, as sessions use them. Each display is in the directory of its name. */

import { UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import type { ContainerBorder } from "../../container/border.ts";
import type { Container } from "../../container/container.ts";
import type { ChannelName } from "../../channels/table.ts";
import type { SessionEnd } from "../session/outcome.ts";
import type { StartRequest } from "../../settings/request.ts";

/** A display of the host that can show the windows of sessions. */
export interface Display {
  /**
   * Checks that it can show the request, as far as that is known before anything is changed.
   *
   * @param why why no better display shows it, as the end of a sentence, if that is worth telling
   * @throws {CannotShow} when another display may
   * @throws {UserError} when none can
   */
  check(container: Pick<Container, "host" | "crossesNetwork">, request: DisplayRequest, why?: string): void;
  /** Finds out early what {@linkcode Display.open} needs to know about the host, except boxes; leaves errors to it. */
  prepare?(host: Host): Promise<unknown>;
  /** Patterns of the files in a container that a session on this display reads before its first window. */
  preload: readonly string[];
  /** Starts the client that shows a session of this container; it then waits for one. */
  open(container: Container, options: WindowsOptions): Promise<DisplayWindows>;
}

export type DisplayRequest = Pick<StartRequest, "display" | "userOptions" | "detached" | "box">;

export interface WindowsOptions
  extends Pick<StartRequest, "open" | "times" | "userOptions" | "box" | "detached" | "isDisposable"> {
  border: ContainerBorder;
  app?: readonly string[];
  /** Returns a signal that aborts when an open channel is closed. Default: none is closed. */
  closing?: (channel: ChannelName) => AbortSignal;
  /** As for {@linkcode Display.check}. */
  why?: string | undefined;
}

/** The windows of a session, even before there are any. Their client ends with this value's scope, unless it stays. */
export interface DisplayWindows extends AsyncDisposable {
  /** A note for the user, shown after the open channels. */
  note: string;
  /** Which part of the session outlives the run that shows it. */
  outlivesRun: "nothing" | "session" | "windows";
  /** The container's end of the connection, for a new session. */
  serverEnd(): Promise<ServerEnd>;
  /** Shows a session. It is called again only after the connection was lost. */
  show(session: string): Promise<void>;
  /** Closes directions of the clipboard that would outlive the run; undefined if none would. */
  closeClipboard?(session: string, channels: readonly ChannelName[]): Promise<void>;
  /**
   * Resolves when the windows are gone.
   *
   * @throws when the run must end, unless that has closed the windows; or the error that has ended the session
   */
  ended(session: string): Promise<SessionEnd>;
}

/** The container's end of the connection that shows a session. */
export interface ServerEnd {
  program: string;
  /** The error for a container without that program. */
  missing(cause: unknown): UserError;
  /** The script that prepares it, before the portals are offered, and the one that becomes it. */
  scripts: readonly [begin: string, end: string];
  /** The scripts' values. */
  values: Readonly<Record<string, string>>;
  environment: Readonly<Record<string, string>>;
  words: readonly string[];
  /** The host's end, which it waits for and connects to; undefined if it makes its own socket. */
  hostEnd?: {
    /** The base name of the socket at which the host's end listens. The session renames it to its own name. */
    transport: string;
    /** Resolves when it listens. If it rejects, nothing is started. */
    ready: Promise<unknown>;
  };
}

/** A display cannot show the request; another one may, unless the user has chosen this one. */
export class CannotShow extends UserError {
  override name = "CannotShow";
  /**
   * `reason`: why, as the end of a sentence; `exitCode`: {@linkcode ExitCode.usage} only if nothing was changed;
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
