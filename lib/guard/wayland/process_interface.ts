/** The arguments of a guard's process on Wayland, and the files in its directory. */

import { join } from "@std/path";
import { commandNames } from "../commands.ts";
import { guardArgv, type GuardHistory } from "../process_interface.ts";
import type { CarryRequest } from "./carrying.ts";
import type { Compression } from "./frames.ts";
import type { GuardedWindows, StartedApp } from "./session.ts";

/** The request to a guard's process. It outlives its run if the run sends {@linkcode keepWord}. */
export interface GuardRequest extends GuardedWindows {
  /** The name of the app that is started first. */
  app: string;
  compression: Compression;
  /** Whether files that the user drops on a window, or pastes, are lent. */
  takesFiles: boolean;
  /** Whether files that are dragged out of a window go to the user's downloads. */
  givesFiles: boolean;
  /** The path of the socket to which the container's end connects. */
  listen: string;
  /** Where to record what crosses the clipboard; undefined: nowhere. */
  history?: GuardHistory | undefined;
  /** After how long a direction of the clipboard closes by itself, in milliseconds. */
  closesAfterMs?: { in?: number | undefined; out?: number | undefined } | undefined;
  /** A directory that no container sees, with the files of {@linkcode privateNames}. It is removed with the session. */
  directory: string;
}

/** What the user tells it while it runs, as one line of JSON. */
export type GuardCommand = CarryRequest | { closeWindows: true } | { started: StartedApp };

/** The last line of its input if the windows shall outlive the run. */
export const keepWord = "keep";

export const privateNames = {
  waypipe: "waypipe",
  /** A FIFO that is open for writing while waypipe's client runs. */
  alive: "alive",
  /** A file that is locked while the directory is in use. */
  lock: "lock",
  /** The socket of the run that lends dropped and pasted files. */
  files: "files",
} as const;

/** The command line of a guard's process. */
export function waylandGuardArgv(request: GuardRequest): string[] {
  const { listen, directory } = request;
  const own = [privateNames.waypipe, privateNames.files, commandNames.socket].map((name) => join(directory, name));
  return guardArgv("wayland", { request, paths: [listen, directory], sockets: [listen, ...own] });
}
