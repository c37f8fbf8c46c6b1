/** The interface between the process of xpra's guard and its run. */

import { guardArgv, type GuardHistory } from "../process_interface.ts";
import type { GuardOptions } from "./guard.ts";

/** The request with which a guard's process is started. */
export interface GuardRequest extends Pick<GuardOptions, "container" | "remote" | "listen"> {
  /** The channels that are open, until the run closes them. */
  open: readonly string[];
  /** After how many milliseconds channels close by themselves, also while the run is stopped. */
  times: [string, number][];
  /** The path of the session's socket; the container must not be able to change any part of it. */
  connect: string;
  /** Where crossings of the clipboard are written down, if they are. */
  history?: GuardHistory | undefined;
}

/** The first words of a run's lines. The rest of a line follows after a space. */
export type RunWord =
  /** A client will connect. The guard answers when it listens. */
  | "client"
  /** The session's socket exists. */
  | "session"
  /** The container can open the file for pixels. */
  | "shared"
  /** There will be no session, for this reason. */
  | "refuse"
  /** The client has ended. The guard answers why it has disconnected the client, or nothing. */
  | "over"
  /** This channel is closed. */
  | "close"
  /** The container's history has no room in this hour, or cannot be written. */
  | "full";

/** The lines of xpra's guard, besides those of both guards. */
export const guardLines = {
  /** An answer follows, to `client` or `over`. */
  answer: "answer: ",
  /** The client's hello has come, and waits until the file for pixels is shared. */
  client: "hello of the client",
  /** The server's hello passes: both ends have the file for pixels open. */
  server: "hello of the server",
} as const;

/** The command line of a guard's process. */
export function xpraGuardArgv(request: GuardRequest): string[] {
  const { listen, connect, history } = request;
  const sockets = [listen, connect];
  return guardArgv("xpra", { request, paths: [...sockets, ...history ? [history.file] : []], sockets });
}
