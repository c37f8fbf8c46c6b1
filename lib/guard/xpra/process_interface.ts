/** What the process of a guard of xpra is started with, and what it and its run say to each other. */

import { guardArgv, type GuardHistory } from "../process_interface.ts";
import type { GuardOptions } from "./guard.ts";

/** What a guard's process is for. It ends with its run, and guards one client after the other. */
export interface GuardRequest extends Pick<GuardOptions, "container" | "remote" | "listen"> {
  /** The channels that are open, until the run closes them. */
  open: readonly string[];
  /** After how many milliseconds channels close by themselves, also while the run is stopped. */
  times: readonly (readonly [string, number])[];
  /** The session's socket, once there is one; nothing on the way to it may be the container's to change. */
  connect: string;
  /** Whether what crosses the clipboard is written down. */
  history?: GuardHistory | undefined;
}

/** The first words of the lines that a run says. What else is in a line follows after a space. */
export type RunWord =
  /** A client is to connect: the guard answers when it listens. */
  | "client"
  /** There is the session's socket. */
  | "session"
  /** The container can open the file for pixels. */
  | "shared"
  /** There is no session: why. */
  | "refuse"
  /** The client has ended. The guard answers why it had cut it off, or nothing. */
  | "over"
  /** This channel is closed. */
  | "close"
  /** The container's history has no room in this hour, or cannot be written. */
  | "full";

/** What a guard says, besides what those of both wires say. */
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
