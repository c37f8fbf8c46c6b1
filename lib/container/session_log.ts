/**
 * The log of a session, beside its socket: what the app and the server printed. The container is not trusted: it can
 * write where the logs are, and answer what it likes.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "@std/path";
import { readDirectory } from "../base/files.ts";
import { isSessionName } from "./names.ts";

export interface SessionLog {
  /** Its last lines; the first one may be cut. */
  text: string;
  /** How much comes before `text`, in bytes. */
  omittedBytes: number;
}

/**
 * The end of the log of a session, or without a name of the session that has printed last; undefined when there is
 * none. The container can write where the logs are: a link is not followed, a pipe not waited for.
 *
 * @param bytes how much of its end is read
 */
export async function readSessionLog(
  sockets: string,
  { session, bytes }: { session: string | undefined; bytes: number },
): Promise<SessionLog | undefined> {
  const name = session ?? await newestLog(sockets);
  if (name === undefined) return undefined;
  let fd: number;
  try {
    fd = openSync(join(sockets, `${name}.log`), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (["ENOENT", "EACCES", "ELOOP", "ENXIO"].includes((error as { code?: string }).code ?? "")) return undefined;
    throw error;
  }
  try {
    const info = fstatSync(fd);
    if (!info.isFile()) return undefined;
    const omittedBytes = Math.max(0, info.size - bytes);
    const buffer = new Uint8Array(Math.min(info.size, bytes));
    let length = 0;
    for (let read; (read = readSync(fd, buffer, length, buffer.length - length, omittedBytes + length)) > 0;) {
      length += read;
    }
    return { text: new TextDecoder().decode(buffer.subarray(0, length)), omittedBytes };
  } finally {
    closeSync(fd);
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
 * The log in the answer of read_log.sh, of which no more is taken than was asked for; undefined when it prints none.
 *
 * @param options `bytes`: how much was asked for
 */
export function parseSessionLog(answer: string, { bytes }: { bytes: number }): SessionLog | undefined {
  const [first, size] = /^(\d{1,15})\n/.exec(answer) ?? [];
  if (first === undefined) return undefined;
  return { text: answer.slice(first.length), omittedBytes: Math.max(0, Number(size) - bytes) };
}
