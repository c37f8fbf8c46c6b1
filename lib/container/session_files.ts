/**
 * Files of a session, beside its socket: its log, with the output of the app and the server, and its FIFOs. The
 * container is not trusted: it can write to that directory, and answer what it likes.
 */

import { join } from "@std/path";
import { readDirectory } from "../base/files.ts";
import { isSessionName } from "./names.ts";

// A static import would load it at each start of a bundled script, as in base/hold.ts.
const { closeSync, constants, fstatSync, openSync, readSync } = await import("node:fs");

/** The capacity of a pipe (pipe(7)), in bytes. */
const pipeSize = 65_536;

export interface SessionLog {
  /** Its last lines; the first one may be cut. */
  text: string;
  /** How many bytes of the log come before `text`. */
  omittedBytes: number;
}

/**
 * The end of a session's log, by default of the log written to last; undefined if there is none. The container can
 * write where the logs are, so a link is not followed, and a pipe not waited for.
 *
 * @param bytes the maximum to read from its end
 */
export async function readSessionLog(
  sockets: string,
  { session, bytes }: { session: string | undefined; bytes: number },
): Promise<SessionLog | undefined> {
  const name = session ?? await newestLog(sockets);
  if (name === undefined) return undefined;
  const fd = open(join(sockets, `${name}.log`));
  if (fd === undefined) return undefined;
  try {
    const info = fstatSync(fd);
    if (!info.isFile()) return undefined;
    const omittedBytes = Math.max(0, info.size - bytes);
    const buffer = new Uint8Array(Math.min(info.size, bytes));
    const length = readSync(fd, buffer, 0, buffer.length, omittedBytes);
    return { text: new TextDecoder().decode(buffer.subarray(0, length)), omittedBytes };
  } finally {
    closeSync(fd);
  }
}

/** Opens a file; undefined if that fails. A link is not followed, and a pipe not waited for. */
function open(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

async function newestLog(sockets: string): Promise<string | undefined> {
  let newest: { name: string; time: number } | undefined;
  for (const { name, isFile } of await readDirectory(sockets)) {
    const session = name.replace(/\.log$/, "");
    if (!isFile || session === name || !isSessionName(session)) continue;
    const time = (await Deno.lstat(join(sockets, name)).catch(() => undefined))?.mtime?.getTime() ?? 0;
    if (!newest || time > newest.time) newest = { name: session, time };
  }
  return newest?.name;
}

/**
 * Parses the output of read_log.sh; undefined if there is no log.
 *
 * @param options `bytes`: how many were asked for
 */
export function parseSessionLog(answer: string, { bytes }: { bytes: number }): SessionLog | undefined {
  const [first, size] = /^(\d{1,15})\n/.exec(answer) ?? [];
  if (first === undefined) return undefined;
  return { text: answer.slice(first.length), omittedBytes: Math.max(0, Number(size) - bytes) };
}

export interface OpenFifo {
  /** A path that keeps leading to it, whatever the container puts in its place. */
  path: string;
  close(): void;
}

/** Opens a FIFO for reading and discards its present content; undefined if there is no FIFO, or only a link to one. */
export function openFifo(path: string): OpenFifo | undefined {
  const fd = open(path);
  if (fd === undefined) return undefined;
  if (!fstatSync(fd).isFIFO()) {
    closeSync(fd);
    return undefined;
  }
  try {
    readSync(fd, new Uint8Array(pipeSize));
  } catch {
    // EAGAIN: the FIFO is empty.
  }
  return { path: `/proc/${Deno.pid}/fd/${fd}`, close: () => closeSync(fd) };
}
