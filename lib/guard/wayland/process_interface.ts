/** How a guard's process and its run talk: what it is started with, what is in its directory, and what it prints. */

import { join } from "@std/path";
import type { WindowsEnd } from "../closing.ts";
import { commandNames } from "../commands.ts";
import { type CrossingLine, dataTypes } from "../crossings.ts";
import type { Compression } from "./frames.ts";
import type { GuardedWindows } from "./session.ts";

/** The first argument of such a process. */
export const guardWord = "--guard-wayland";

/** What a guard's process is for: its second argument, in JSON. */
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
  /** Whether what crosses the clipboard is written down, and where to when nobody reads {@linkcode crossingIn}'s lines. */
  history?: GuardHistory | undefined;
  /** After how long a direction of the clipboard closes by itself, in milliseconds. */
  closesAfterMs?: { in?: number | undefined; out?: number | undefined } | undefined;
  /** A directory that no container sees, with what {@linkcode privateNames} names. It goes with the session. */
  directory: string;
}

/** Whose history it is, and a file in the guard's directory. */
export interface GuardHistory {
  name: string;
  copy?: string;
  /** For what the run does not take that has started the guard, since it has ended or is stopped: the next run does. */
  file: string;
}

export const privateNames = {
  waypipe: "waypipe",
  /** A FIFO that is open for writing while that client runs. */
  alive: "alive",
  /** A file that is locked while the directory is in use. */
  lock: "lock",
  /** The socket of the run that lends what is dropped on a window, or pasted. */
  files: "files",
  /** A file with the name of the app that was started last, if that is not the first. */
  app: "app",
  /** A file that says whose guard this is, see {@linkcode GuardedSession}. */
  session: "session.json",
} as const;

export interface GuardedSession {
  /** The directory of the container's mounts. */
  mounts: string;
  session: string;
}

/** The last line that a guard prints: how the windows have ended. */
export function windowsLine(end: WindowsEnd): string {
  return `windows: ${end}`;
}

/** How the windows have ended, if a line of a guard says that. */
export function windowsIn(line: string): WindowsEnd | undefined {
  return (["none", "closed", "other"] as const).find((end) => windowsLine(end) === line);
}

/** The line that a guard prints about what has crossed the clipboard. */
export function crossingText({ direction, type, times, bytes, time }: CrossingLine): string {
  return `crossing: ${direction} ${type} ${times} ${bytes} ${time}`;
}

/** The crossing of the clipboard in a line of a guard; undefined in another line. */
export function crossingIn(line: string): CrossingLine | undefined {
  const [, direction, type, times, bytes, time] =
    /^crossing: (in|out) (\S+) (\d{1,15}) (\d{1,15}) (\d{4}-\d\d-\d\dT[\d:.]{8,12}Z)$/.exec(line) ?? [];
  if (time === undefined || !type!.split(",").every((each) => dataTypes.has(each))) return undefined;
  return { direction: direction as "in" | "out", type: type!, times: Number(times), bytes: Number(bytes), time };
}

/** The command line of a guard's process, with no permission but for its sockets and their directories. */
export function guardArgv(request: GuardRequest): string[] {
  const { listen, directory } = request;
  const words = [guardWord, JSON.stringify(request)];
  if (Deno.build.standalone) return [Deno.execPath(), ...words];
  const paths = [listen, directory].join(",");
  return [
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt", `--allow-read=${paths}`, `--allow-write=${paths}`],
    `--allow-net=${
      [listen, ...[privateNames.waypipe, privateNames.files, commandNames.socket].map((name) => join(directory, name))]
        .map((path) => `unix:${path}`).join(",")
    }`,
    ...[Deno.mainModule, ...words],
  ];
}
