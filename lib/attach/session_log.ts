/** The log of a session, beside its socket: what the app and the server printed, and how the app ended. */

import { join } from "@std/path";

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

/**
 * The log of a session, or without a name of the session that has printed last; undefined when there is none.
 *
 * @param bytes how much of its end is read at most
 */
export async function readSessionLog(
  xpraDirectory: string,
  session?: string,
  bytes = Infinity,
): Promise<string | undefined> {
  try {
    const name = session ?? await newestLog(xpraDirectory);
    if (name === undefined) return undefined;
    const path = join(xpraDirectory, `${name}.log`);
    // The container can write here. Opening a pipe in place of the log would wait for ever.
    const { isFile, size } = await Deno.lstat(path);
    if (!isFile) return undefined;
    using file = await Deno.open(path);
    await file.seek(Math.max(0, size - bytes), Deno.SeekMode.Start);
    return await new Response(file.readable).text();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function newestLog(xpraDirectory: string): Promise<string | undefined> {
  let newest: { name: string; time: number } | undefined;
  for await (const { name } of Deno.readDir(xpraDirectory)) {
    if (!name.endsWith(".log")) continue;
    const time = (await Deno.lstat(join(xpraDirectory, name))).mtime?.getTime() ?? 0;
    if (!newest || time > newest.time) newest = { name: name.slice(0, -".log".length), time };
  }
  return newest?.name;
}

/** How the app of a session has ended, by the session's log; undefined when there is no log. */
export async function appOutcome(xpraDirectory: string, session: string): Promise<AppOutcome | undefined> {
  const log = await readSessionLog(xpraDirectory, session, tailBytes);
  if (log === undefined) return undefined;
  // run_app.sh and start_session.sh print these lines. An app may print the same; the last one counts.
  const start = log.indexOf("The app is started\n");
  const end = [...log.matchAll(/^The app ended with exit status (\d+)$/gm)].at(-1);
  const output = log.slice(Math.max(0, start), end?.index).split("\n").slice(1);
  return {
    status: end && Number(end[1]),
    stopped: /^The session is stopped$/m.test(log),
    unknownOption: start < 0 ? /^no such option: (\S+)$/m.exec(log)?.[1] : undefined,
    output: output.filter((line) => !xpraLine.test(line)).slice(-shownLines).join("\n"),
  };
}

/** A line of xpra's own log starts with its time; all other lines are the app's. */
const xpraLine = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} /;
