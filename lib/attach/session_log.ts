/**
 * The log of a session, beside its socket: what the app and the server printed, and how the app ended. That of a
 * container on another machine is asked for by SSH.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "@std/path";
import readLog from "./read_log.sh" with { type: "text" };
import { readDirectory } from "../base/files.ts";
import type { Host } from "../base/host.ts";
import { isSessionName } from "../container/names.ts";
import { sshScript, type SshTarget } from "../container/ssh.ts";
import { containerPaths } from "../container/user.ts";

/** How the app of a session ended, as far as its log tells. */
export interface AppOutcome {
  /** The app's exit status; undefined when the session was ended from outside. */
  status: number | undefined;
  /** Somebody stopped the session. */
  stopped: boolean;
  /** An option of the server that the container's xpra does not know. */
  unknownOption: string | undefined;
  /** The last lines of the app and the server. */
  output: string;
}

/** How much of the end of a log is read to learn how its app ended, in bytes. */
const tailBytes = 256 * 1024;

/** How many lines of output an {@linkcode AppOutcome} has at most. */
const shownLines = 15;

/** How much of the end of a log `--logs` prints, in bytes. A log may be as large as the container likes. */
export const printedBytes = 4 * 1024 * 1024;

/** The end of a log. */
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
  xpraDirectory: string,
  { session, bytes = printedBytes }: { session?: string | undefined; bytes?: number } = {},
): Promise<SessionLog | undefined> {
  const name = session ?? await newestLog(xpraDirectory);
  if (name === undefined) return undefined;
  let fd: number;
  try {
    fd = openSync(join(xpraDirectory, `${name}.log`), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
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

async function newestLog(xpraDirectory: string): Promise<string | undefined> {
  let newest: { name: string; time: number } | undefined;
  for (const { name, isFile } of await readDirectory(xpraDirectory)) {
    const session = name.replace(/\.log$/, "");
    if (!isFile || session === name || !isSessionName(session)) continue;
    const time = (await Deno.lstat(join(xpraDirectory, name)).catch(() => undefined))?.mtime?.getTime() ?? 0;
    if (!newest || time > newest.time) newest = { name: session, time };
  }
  return newest?.name;
}

/**
 * The end of the log of a session, as {@linkcode readSessionLog}, on whatever machine the container is. The container
 * is not trusted: no more is taken of its answer than was asked for.
 */
export async function fetchSessionLog(
  host: Host,
  target: SshTarget,
  { session, bytes = printedBytes }: { session?: string | undefined; bytes?: number } = {},
): Promise<SessionLog | undefined> {
  if (!target.elsewhere) return await readSessionLog(target.mounts.xpra, { session, bytes });
  const { stdout } = await sshScript(host, target, {
    script: readLog,
    values: { xpra_directory: containerPaths(target.user).xpra, session: session ?? "", bytes: `${bytes}` },
    maxOutputBytes: bytes + 1024,
  });
  const [first, size] = /^(\d{1,15})\n/.exec(stdout) ?? [];
  if (first === undefined) return undefined;
  return { text: stdout.slice(first.length), omittedBytes: Math.max(0, Number(size) - bytes) };
}

/** How the app of a session has ended, by the session's log; undefined when there is no log. */
export async function appOutcome(host: Host, target: SshTarget, session: string): Promise<AppOutcome | undefined> {
  const log = (await fetchSessionLog(host, target, { session, bytes: tailBytes }))?.text;
  return log === undefined ? undefined : outcomeIn(log);
}

/** How the app of a session has ended, by the end of the session's log. */
export function outcomeIn(log: string): AppOutcome {
  // run_app.sh and start_session.sh print these lines. An app may print the same; the last one counts. What it printed
  // last need not end its line.
  const start = log.indexOf("The app is started\n");
  const end = [...log.matchAll(/The app ended with exit status (\d+)$/gm)].at(-1);
  const output = log.slice(Math.max(0, start), end?.index).split("\n").slice(1);
  return {
    status: end && Number(end[1]),
    stopped: /The session is stopped$/m.test(log),
    unknownOption: start < 0 ? /^no such option: (\S+)$/m.exec(log)?.[1] : undefined,
    output: output.filter((line) => !xpraLine.test(line)).slice(-shownLines).join("\n"),
  };
}

/** A line of xpra's own log starts with its time; all other lines are the app's. */
const xpraLine = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} /;
