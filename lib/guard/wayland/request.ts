/** What a guard's process is started with. */

import { join } from "@std/path";
import type { Border } from "./border.ts";
import type { Compression } from "./frames.ts";
import type { OpenClipboard } from "./session.ts";

/** The first argument of such a process. */
export const guardWord = "--guard-wayland";

/** What a guard's process is for: its second argument, in JSON. */
export interface GuardRequest {
  /** What the container is called in titles. */
  container: string;
  /** The directions that are open. */
  clipboard: OpenClipboard;
  /** What the borders of its windows look like. */
  border: Border;
  /** How the container's end compresses. */
  compression: Compression;
  /** The path of the socket to which the container's end connects. */
  listen: string;
  /** A directory that no container sees, with what {@linkcode privateNames} names. It goes with the session. */
  directory: string;
}

/** What is in a guard's private directory. */
export const privateNames = {
  /** The socket of waypipe's client. */
  waypipe: "waypipe",
  /** A FIFO that is open for writing while that client runs. */
  alive: "alive",
  /** A file that is locked while the directory is in use. */
  lock: "lock",
} as const;

/** The command line of a guard's process, with no permission but for its two sockets and their directories. */
export function guardArgv(request: GuardRequest): string[] {
  const { listen, directory } = request;
  const words = [guardWord, JSON.stringify(request)];
  if (Deno.build.standalone) return [Deno.execPath(), ...words];
  const paths = [listen, directory].join(",");
  return [
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt", `--allow-read=${paths}`, `--allow-write=${paths}`],
    `--allow-net=unix:${listen},unix:${join(directory, privateNames.waypipe)}`,
    ...[Deno.mainModule, ...words],
  ];
}
