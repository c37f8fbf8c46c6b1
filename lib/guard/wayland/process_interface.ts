/** What a guard's process on Wayland is started with, and what is in its directory. */

import { join } from "@std/path";
import { commandNames } from "../commands.ts";
import { guardArgv, type GuardHistory } from "../process_interface.ts";
import type { Compression } from "./frames.ts";
import type { GuardedWindows } from "./session.ts";

/** What a guard's process is for. It outlives its run if that says so by {@linkcode keepWord}. */
export interface GuardRequest extends GuardedWindows {
  /** The name of the app that is started first. */
  app: string;
  compression: Compression;
  /** Whether files that the user drops on a window, or pastes, are lent. */
  takesFiles: boolean;
  /** Whether files that are dragged out of a window come to the downloads. */
  givesFiles: boolean;
  /** The path of the socket to which the container's end connects. */
  listen: string;
  /** Whether what crosses the clipboard is written down. */
  history?: GuardHistory | undefined;
  /** After how long a direction of the clipboard closes by itself, in milliseconds. */
  closesAfterMs?: { in?: number | undefined; out?: number | undefined } | undefined;
  /** A directory that no container sees, with what {@linkcode privateNames} names. It goes with the session. */
  directory: string;
}

/** The last line of its input, if the windows are to outlive the run. */
export const keepWord = "keep";

export const privateNames = {
  waypipe: "waypipe",
  /** A FIFO that is open for writing while that client runs. */
  alive: "alive",
  /** A file that is locked while the directory is in use. */
  lock: "lock",
  /** The socket of the run that lends what is dropped on a window, or pasted. */
  files: "files",
  /** A file with the `StartedApp` that was started last, if that is not the first. */
  app: "app",
} as const;

/** The command line of a guard's process. */
export function waylandGuardArgv(request: GuardRequest): string[] {
  const { listen, directory } = request;
  const own = [privateNames.waypipe, privateNames.files, commandNames.socket].map((name) => join(directory, name));
  return guardArgv("wayland", { request, paths: [listen, directory], sockets: [listen, ...own] });
}
